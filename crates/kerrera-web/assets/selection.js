// Which rows are selected. They are checkboxes of a form: what is sent is what is checked, and this
// module only makes it easier to check many of them.
//
// `[data-select]`: the checkbox of a row. `[data-select-all]`: of all rows of the page.
// `[data-selection]`: what is there only while something is selected; `[data-selection-count]`: how much.
import { announce, counted, whenFresh, words } from "./page.js";

const boxes = () => [...document.querySelectorAll("[data-select]")];
let last = null;

function draw() {
  const all = boxes();
  const selected = all.filter(({ checked }) => checked).length;
  for (const box of all) box.closest("tr")?.classList.toggle("is-selected", box.checked);
  for (const box of document.querySelectorAll("[data-select-all]")) {
    box.checked = selected > 0 && selected === all.length;
    box.indeterminate = selected > 0 && selected < all.length;
  }
  for (const part of document.querySelectorAll("[data-selection]")) part.hidden = selected === 0;
  for (const count of document.querySelectorAll("[data-selection-count]")) count.textContent = said(selected);
  return selected;
}

const said = (n) => counted(n, words.selectedOne, words.selected);

function tell() {
  announce(said(draw()));
}

// Checks a row; with the last one, all rows between.
export function select(box, checked, isRange) {
  const all = boxes();
  const [from, to] = [all.indexOf(isRange && last ? last : box), all.indexOf(box)].sort((a, b) => a - b);
  for (const between of all.slice(Math.max(from, 0), to + 1)) between.checked = checked;
  last = box;
  tell();
}

export function selectAll(checked = !boxes().every((box) => box.checked)) {
  for (const box of boxes()) box.checked = checked;
  last = null;
  tell();
}

export const isSelecting = () => boxes().some(({ checked }) => checked);

document.addEventListener("click", (event) => {
  if (event.target.matches?.("[data-select]")) select(event.target, event.target.checked, event.shiftKey);
  if (event.target.matches?.("[data-select-all]")) selectAll(event.target.checked);
});
// A browser that goes back checks what was checked.
addEventListener("pageshow", draw);
whenFresh(draw);
