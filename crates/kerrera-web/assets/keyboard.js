// Single keys, if they are wanted; by where they are on the keyboard, since in Korean they type other
// letters. The server says which there are, in the help and in the menu.
import { close, open } from "./dialog.js";
import { isTyping } from "./page.js";
import { refreshNow, toggleUpdates } from "./live.js";
import { isSelecting, select, selectAll } from "./selection.js";

const { base, shortcuts } = document.body.dataset;
const THEMES = ["system", "light", "dark"];
// How long one may take between `g` and where to.
const PAIR = 1500;
// Where the jobs of a list are kept, for this tab.
const LIST = "kerrera.jobs";

const press = (selector) => document.querySelector(selector)?.click();
const rows = () => [...document.querySelectorAll("#page .list tbody tr")].filter((row) => target(row));
const target = (row) => row.querySelector("a[href]");
const current = () => document.activeElement?.closest("#page .list tbody tr");

function move(by) {
  const all = rows();
  const at = all.indexOf(current());
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  if (next) target(next).focus();
}

function check(isRange) {
  const box = current()?.querySelector("[data-select]");
  if (box) select(box, isRange || !box.checked, isRange);
}

// The next page or the one before; on the page of a job, that of the list from which one came.
function turn(rel, by) {
  const link = document.querySelector(`#page a[rel=${rel}]`);
  if (link) return link.click();
  const jobs = remembered();
  const at = jobs.indexOf(location.pathname);
  if (at >= 0 && jobs[at + by]) location.assign(jobs[at + by]);
}

function remembered() {
  try { return JSON.parse(sessionStorage.getItem(LIST)) ?? []; } catch { return []; }
}

addEventListener("pagehide", () => {
  if (!document.getElementById("filter")) return;
  const jobs = rows().map((row) => new URL(target(row).href).pathname);
  try { sessionStorage.setItem(LIST, JSON.stringify(jobs)); } catch { /* then there is no way from job to job */ }
});

// A longer stretch of time, or a shorter one.
function look(by) {
  const all = [...document.querySelectorAll("#page nav[data-windows] a")];
  all[all.findIndex((link) => link.hasAttribute("aria-current")) + by]?.click();
}

async function theme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = next;
  await fetch(`${base}/preferences`, { method: "POST", body: new URLSearchParams({ theme: next }), redirect: "manual" });
}

// What stands in a template of the page, as a dialog.
function show(name) {
  const template = document.getElementById(name);
  if (template) open(document.importNode(template.content, true));
}

function palette() {
  show("palette");
  const input = document.querySelector("#dialog [data-palette]");
  if (!input) return;
  const links = [...document.querySelectorAll("#dialog nav a")];
  const job = document.querySelector("#dialog [data-palette-job]");
  const shown = () => links.filter((link) => !link.hidden);
  const narrow = () => {
    const typed = input.value.trim().toLocaleLowerCase();
    const id = /^#?(\d{1,19})$/.exec(typed)?.[1];
    for (const link of links) link.hidden = !link.textContent.toLocaleLowerCase().includes(typed);
    job.hidden = !id;
    job.href = id ? `${job.dataset.paletteJob}/${id}` : "";
    job.querySelector("span").textContent = id ? `#${id}` : "";
  };
  input.addEventListener("input", narrow);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); shown()[0]?.click(); }
  });
  document.getElementById("dialog").firstElementChild.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [input, ...shown()];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  });
  narrow();
  input.focus();
}

const keys = {
  KeyJ: () => move(1),
  KeyK: () => move(-1),
  KeyO: () => current() && target(current()).click(),
  KeyX: () => check(false),
  KeyA: () => selectAll(),
  KeyN: () => turn("next", 1),
  KeyP: () => turn("prev", -1),
  KeyR: () => refreshNow(),
  KeyT: () => theme(),
  BracketLeft: () => look(1),
  BracketRight: () => look(-1),
  Slash: () => document.getElementById("filter")?.focus(),
  Period: () => document.querySelector("#page form.action button:enabled, #page a.button")?.focus(),
};
const shifted = {
  KeyX: () => check(true),
  KeyA: () => press("#selection [name=all]"),
  KeyR: () => toggleUpdates(),
  Slash: () => show("help"),
};

let goingUntil = 0;

document.addEventListener("keydown", (event) => {
  const { code, isComposing, defaultPrevented, repeat, target: on } = event;
  if (isComposing || defaultPrevented) return;
  const isOpen = document.querySelector("dialog[open]");
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && code === "KeyK") {
    event.preventDefault();
    if (isOpen) close(); else palette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isOpen) return;
  if (code === "Escape") {
    if (isSelecting()) selectAll(false);
    else if (isTyping(on) && on.id === "filter") on.blur();
    return;
  }
  if (shortcuts !== "on" || isTyping(on)) return;
  const isGoing = performance.now() < goingUntil;
  goingUntil = 0;
  const step = { ArrowDown: 1, ArrowUp: -1 }[code];
  const act = isGoing && !event.shiftKey
    ? () => press(`.menu a[data-go="${CSS.escape(code)}"]`)
    : code === "KeyG" && !event.shiftKey ? () => { goingUntil = performance.now() + PAIR; }
    // Arrows scroll, except from row to row.
    : step && current() ? () => move(step)
    : (event.shiftKey ? shifted : keys)[code];
  if (!act || (repeat && !["KeyJ", "KeyK", "ArrowDown", "ArrowUp"].includes(code))) return;
  event.preventDefault();
  act();
});

for (const opener of document.querySelectorAll("[data-show]")) {
  opener.hidden = false;
  opener.addEventListener("click", () => (opener.dataset.show === "palette" ? palette() : show(opener.dataset.show)));
}
