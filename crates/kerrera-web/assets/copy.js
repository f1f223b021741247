// Buttons that copy a text; there only where a browser lets us.
import { announce, whenFresh, words } from "./page.js";

if (navigator.clipboard) {
  whenFresh(() => {
    for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    const source = button && document.getElementById(button.dataset.copy);
    if (!source) return;
    await navigator.clipboard.writeText(source.textContent);
    announce(words.copied);
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 1500);
  });
}
