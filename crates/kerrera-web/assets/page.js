// What the other modules share: the part of the page that is fetched again, and what is said.

// All that scripts say comes from the server, in the language of the page.
export const words = document.getElementById("words")?.dataset ?? {};

export const page = () => document.getElementById("page");

// Said to those who listen, once; what changes by itself is not.
export function announce(text) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = text;
}

export const counted = (n, one, other) => (n === 1 ? one : other)?.replace("{n}", n.toLocaleString(document.documentElement.lang)) ?? "";

// Nobody is to fetch with another address than the one that is shown, nor to get more than asked for.
export function fragment(url, headers = {}) {
  return fetch(url, { headers: { "X-Fragment": "1", ...headers }, cache: "no-store", credentials: "same-origin" });
}

// Our own HTML, as a document in which no script runs and no image loads.
export const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// Calls back now, and whenever the page was brought up to date.
export function whenFresh(done) {
  done();
  document.addEventListener("kerrera:fresh", done);
}
export const becameFresh = () => document.dispatchEvent(new Event("kerrera:fresh"));

export const isTyping = (element) =>
  element instanceof HTMLElement &&
  (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));
