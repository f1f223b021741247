// What a filter could go on with: a combobox, as ARIA has it. The server knows what there is.
const input = document.querySelector("[data-suggest]");
const DELAY = 120;

if (input) {
  const list = Object.assign(document.createElement("ul"), { id: "suggestions", className: "suggestions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.dataset.suggestLabel);
  input.after(list);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) {
    input.setAttribute(name, value);
  }

  let found = { from: 0, to: 0, items: [] };
  let at = -1;
  let timer = null;
  let asking = null;

  const hide = () => {
    clearTimeout(timer);
    asking?.abort();
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const mark = (index) => {
    at = index;
    [...list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    const option = list.children[at];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  };

  const draw = () => {
    list.replaceChildren(...found.items.map((item, index) => {
      const option = Object.assign(document.createElement("li"), { id: `suggestion-${index}`, textContent: item });
      option.setAttribute("role", "option");
      return option;
    }));
    list.hidden = found.items.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(-1);
  };

  const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const query = new URLSearchParams({ q: input.value, at: String(input.selectionStart ?? input.value.length) });
    try {
      const response = await fetch(`${input.dataset.suggest}?${query}`, { signal: asking.signal });
      if (!response.ok) return hide();
      found = await response.json();
      draw();
    } catch {
      // Another question is under way, or nobody answers; one can type without.
    }
  };

  const take = (index) => {
    const item = found.items[index];
    // A name is over; what wants a value behind it is not.
    const text = /[:.]$/.test(item) ? item : `${item} `;
    // Somebody may have typed on since it was asked.
    input.setRangeText(text, found.from, Math.max(found.to, input.selectionStart ?? 0), "end");
    input.focus();
    if (text === item) ask(); else hide();
  };

  input.addEventListener("input", ({ isComposing }) => {
    clearTimeout(timer);
    if (!isComposing) timer = setTimeout(ask, DELAY);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const last = found.items.length - 1;
    if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      hide();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) ask();
      else mark(event.key === "ArrowDown" ? (at >= last ? -1 : at + 1) : at < 0 ? last : at - 1);
    } else if ((event.key === "Enter" || event.key === "Tab") && !list.hidden && at >= 0) {
      event.preventDefault();
      take(at);
    }
  });
  input.addEventListener("blur", hide);
  list.addEventListener("pointerdown", (event) => {
    // The focus stays where it is.
    event.preventDefault();
    const index = [...list.children].indexOf(event.target.closest("li"));
    if (index >= 0) take(index);
  });
}
