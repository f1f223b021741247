// Suggestions beneath a field with `data-suggest`: an ARIA combobox with a list box. Listens at the
// document, so that a field which came with an update has it as well; without it the field is a field.
const WAIT = 120;

let field = null;
let list = null;
let chosen = -1;
let range = [0, 0];
let timer = 0;
let asked = null;

function options() {
  return list ? [...list.children] : [];
}

function close() {
  clearTimeout(timer);
  asked?.abort();
  list?.remove();
  list = null;
  chosen = -1;
  field?.setAttribute("aria-expanded", "false");
  field?.removeAttribute("aria-activedescendant");
}

function choose(at) {
  const all = options();
  chosen = all.length ? (at + all.length) % all.length : -1;
  all.forEach((option, place) => option.setAttribute("aria-selected", String(place === chosen)));
  if (chosen >= 0) {
    field.setAttribute("aria-activedescendant", all[chosen].id);
    all[chosen].scrollIntoView({ block: "nearest" });
  }
}

function take(text) {
  // Somebody may have typed on since it was asked.
  const [from, to] = [range[0], Math.max(range[1], field.selectionStart ?? 0)];
  // After a whole value comes a blank, after a qualifier its value.
  const whole = /[:.]$/.test(text) ? text : `${text} `;
  const rest = field.value.slice(to).replace(/^\s/, "");
  field.value = field.value.slice(0, from) + whole + rest;
  const end = from + whole.length;
  field.setSelectionRange(end, end);
  close();
  field.focus();
  if (whole === text) ask();
}

function show(items) {
  list?.remove();
  list = null;
  chosen = -1;
  if (!items.length || document.activeElement !== field) return close();
  list = document.createElement("ul");
  list.id = `${field.id}-suggestions`;
  list.className = "filter-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.dataset.suggestLabel);
  items.forEach((text, at) => {
    const option = document.createElement("li");
    option.id = `${list.id}-${at}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.textContent = text;
    list.append(option);
  });
  field.parentElement.append(list);
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-expanded", "true");
}

async function ask() {
  asked?.abort();
  asked = new AbortController();
  const of = field;
  const query = new URLSearchParams({ q: of.value, at: String(of.selectionStart ?? of.value.length) });
  try {
    const answer = await fetch(`${of.dataset.suggest}?${query}`, { signal: asked.signal });
    if (!answer.ok || of !== field) return;
    const { from, to, items } = await answer.json();
    range = [from, to];
    show(items);
  } catch {
    // Nothing is suggested then.
  }
}

function begin(element) {
  if (field !== element) close();
  field = element;
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-expanded", String(list !== null));
}

document.addEventListener("focusin", ({ target }) => {
  if (target instanceof HTMLInputElement && target.dataset.suggest) begin(target);
});

document.addEventListener("focusout", ({ target }) => {
  if (target === field) close();
});

document.addEventListener("input", (event) => {
  if (event.target !== field || event.isComposing) return;
  clearTimeout(timer);
  timer = setTimeout(ask, WAIT);
});

document.addEventListener("keydown", (event) => {
  if (event.target !== field || event.isComposing) return;
  if (event.key === "ArrowDown" && !list) {
    event.preventDefault();
    ask();
  } else if (list && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
  } else if (list && chosen >= 0 && (event.key === "Enter" || event.key === "Tab")) {
    event.preventDefault();
    take(options()[chosen].textContent);
  } else if (list && event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    close();
  }
});

// Before the field loses the focus.
document.addEventListener("pointerdown", (event) => {
  const option = event.target instanceof Element ? event.target.closest(".filter-list > li") : null;
  if (!option || option.parentElement !== list) return;
  event.preventDefault();
  take(option.textContent);
});

export {};
