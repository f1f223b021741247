// Which rows are selected. They are checkboxes of a form: what is sent is what is checked, and this
// module only makes it easier to check many of them.
//
// `[data-select]`: the checkbox of a row. `form#selection`: where they are; its `.selection` says what can
// be done, and here also how many are selected. The checkbox for all of the page needs scripts, so it comes
// from here, and stands in the first cell of the head.
import { announce, counted, whenFresh, words } from "./page.js";

const boxes = () => [...document.querySelectorAll("[data-select]")];
let last = null;

function draw() {
  const all = boxes();
  const selected = all.filter(({ checked }) => checked).length;
  for (const box of all) box.closest("tr")?.classList.toggle("is-selected", box.checked);
  const count = document.querySelector("[data-selection-count]");
  if (count) count.textContent = selected ? said(selected) : "";
  for (const box of document.querySelectorAll("[data-select-all]")) {
    box.checked = selected > 0 && selected === all.length;
    box.indeterminate = selected > 0 && selected < all.length;
  }
  return selected;
}

const said = (n) => counted(n, words.selectedOne, words.selected);

// What is there only with scripts; an update that brings the list anew takes it away.
function complete() {
  const form = boxes().length ? document.getElementById("selection") : null;
  const head = form?.querySelector("thead th.tight");
  if (head && !head.querySelector("[data-select-all]")) {
    const all = Object.assign(document.createElement("input"), { type: "checkbox", ariaLabel: words.selectPage });
    all.dataset.selectAll = "";
    head.replaceChildren(all);
  }
  const verbs = form?.querySelector(".selection");
  if (verbs && !verbs.querySelector("[data-selection-count]")) {
    const count = Object.assign(document.createElement("strong"), { className: "num" });
    count.dataset.selectionCount = "";
    verbs.prepend(count);
  }
  draw();
}

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
whenFresh(complete);
