// Questions, in a dialog instead of on a page of their own. The button that does nothing comes first, so
// that it has the focus; and where the focus was before, it is again afterwards.
import { fragment, page, parse, words } from "./page.js";

const dialog = document.getElementById("dialog");
const confirmed = new WeakSet();

// Shows these nodes; `of` says what it is about.
export function open(...nodes) {
  dialog.replaceChildren(...nodes);
  dialog.showModal();
}

export const close = () => dialog?.close();

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// What a form does is said once more, and its verb stands on the button.
function confirm(form, submitter) {
  const dismiss = element("button", { type: "button", className: "button" }, words.close);
  dismiss.dataset.dismiss = "";
  const go = element("button", { type: "button", className: submitter?.className || "button button-danger" }, submitter?.textContent.trim() || words.yes);
  go.addEventListener("click", () => {
    confirmed.add(form);
    close();
    form.requestSubmit(submitter);
  });
  const title = element("h1", { id: "dialog-title" }, go.textContent);
  open(element("section", { className: "question" }, title, element("p", {}, form.dataset.confirm), element("div", { className: "row" }, dismiss, go)));
}

// The same form that the link leads to; whatever else comes is shown as a page.
async function follow(link) {
  try {
    const response = await fragment(link.href);
    const question = response.ok && !response.redirected && parse(await response.text()).querySelector("#page .question");
    if (!question) throw new Error("no question");
    open(document.adoptNode(question));
  } catch {
    location.assign(link.href);
  }
}

if (dialog) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-confirm]") || confirmed.delete(form)) return;
    event.preventDefault();
    confirm(form, event.submitter);
  });
  document.addEventListener("click", (event) => {
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    const link = event.target.closest?.("a[data-dialog]");
    if (link && isPlain && page()?.contains(link)) {
      event.preventDefault();
      follow(link);
    }
    const isOutside = event.target === dialog;
    if (dialog.open && (isOutside || event.target.closest?.("dialog [data-dismiss]"))) {
      event.preventDefault();
      close();
    }
  });
}

// A menu is left by Esc, or by doing something else.
const menus = () => document.querySelectorAll("details.instances[open], details.menu-more[open]");
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    const hadFocus = menu.contains(document.activeElement);
    menu.open = false;
    if (hadFocus) menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});
