// What keeps a page fresh.
//
// One tab of all listens to the server's hints, and passes them on; each fetches its own page again, at
// most once a second, and lets what has changed flow into what is there. Nothing moves while somebody
// points at it, selects, or types.
import { Idiomorph } from "./idiomorph.js";
import { announce, becameFresh, fragment, page, parse, words } from "./page.js";

const { events, refresh } = document.body.dataset;
const SECOND = 1000;
// Relative times grow old even when nothing happens; and what happened and was undone between two looks
// of the server, as when a job fails again at once, gives no hint.
const OLDEST = 5 * SECOND;
const POLL = 5 * SECOND;
const PAUSED = "kerrera:paused";

const indicator = document.getElementById("freshness");
const button = document.createElement("button");

let every = refresh === "off" ? null : Number(refresh);
let paused = sessionStorage.getItem(PAUSED) === "yes";
let connected = true;
let stopped = false;

// Fetching

let etag = null;
let fetching = null;
let fetchedAt = performance.now();
let timer = null;
let waiting = false;

// Something may have changed. A page that asks something stays as it is: it may have come of a form that was
// sent, so its address has less than it says, and what was filled in would be lost.
function hint() {
  if (stopped || paused || every === null || document.hidden || timer !== null) return;
  if (page()?.querySelector("form.form")) return;
  const wait = Math.max(0, fetchedAt + SECOND - performance.now());
  timer = setTimeout(() => { timer = null; update(false); }, wait);
}

// Fetches the page and shows it, unless somebody would be disturbed who did not ask for it.
async function update(isAsked) {
  if (fetching) return fetching.then(() => (isAsked ? update(true) : hint()));
  fetching = (async () => {
    try {
      const response = await fragment(location.href, etag && !isAsked ? { "If-None-Match": etag } : {});
      connected = true;
      if (response.status === 304) return;
      // Somebody else's page: the login's, say. Whoever comes back to it finds it as it was.
      if (response.redirected || response.status === 401 || response.status === 403) { stopped = true; close(); return; }
      if (response.status >= 500) throw new Error(`status ${response.status}`);
      const fresh = parse(await response.text()).getElementById("page");
      if (!fresh) return;
      if (!isAsked && isBusy()) {
        waiting = true;
        return;
      }
      etag = response.headers.get("ETag");
      show(fresh);
    } catch {
      connected = false;
    } finally {
      fetchedAt = performance.now();
      fetching = null;
      draw();
    }
  })();
  return fetching;
}

function show(fresh) {
  waiting = false;
  const checked = [...document.querySelectorAll("[data-select]:checked")].map(({ value }) => value);
  Idiomorph.morph(page(), fresh, {
    callbacks: {
      beforeNodeMorphed: (old) => !(old instanceof Element && old === document.activeElement && old.matches("input, textarea, select")),
      // What somebody has opened stays open, and what a script has made visible stays so.
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.localName === "details") && !(name === "hidden" && node.matches("[data-copy]")),
    },
  });
  for (const box of document.querySelectorAll("[data-select]")) box.checked = checked.includes(box.value);
  becameFresh();
}

// Whether somebody would lose what they look at.
function isBusy() {
  const here = page();
  const focus = document.activeElement;
  const selection = getSelection();
  const isSelecting = selection && !selection.isCollapsed && here.contains(selection.anchorNode);
  const isPointing = matchMedia("(hover: hover)").matches && here.querySelector("tbody:hover");
  const isIn = here.contains(focus) && focus.closest("tbody, form:not(.action)");
  return Boolean(document.querySelector("dialog[open], [data-select]:checked, #selection :checked") || isSelecting || isPointing || isIn);
}

// What waits is shown as soon as nobody is busy any more.
setInterval(() => {
  if (waiting && !isBusy()) hint();
  const age = performance.now() - fetchedAt;
  if (age >= (every === 0 ? OLDEST : every * SECOND)) hint();
}, SECOND);

// Hints

const channel = "BroadcastChannel" in window ? new BroadcastChannel(`kerrera:${events}`) : null;
channel?.addEventListener("message", hint);

let source = null;
let leave = null;
let again = null;
let polling = null;

function listen() {
  if (source || stopped || document.hidden || paused || every !== 0) return;
  source = new EventSource(events);
  let lost = null;
  const found = () => { clearTimeout(lost); lost = null; stopPolling(); connected = true; draw(); };
  source.addEventListener("open", found);
  source.addEventListener("hello", hint);
  source.addEventListener("changed", () => { channel?.postMessage("changed"); hint(); });
  source.addEventListener("bye", () => { close(); comeBack(SECOND + Math.random() * 4 * SECOND); });
  source.addEventListener("error", () => {
    if (source?.readyState === EventSource.CLOSED) {
      // Turned away: too many, or a proxy that does not let streams through.
      close();
      poll();
      comeBack(30 * SECOND);
    } else {
      // A stream ends each minute, to be asked for again; that is nothing to speak of.
      lost ??= setTimeout(() => { connected = false; draw(); poll(); }, 5 * SECOND);
    }
  });
}

function comeBack(after) {
  clearTimeout(again);
  again = setTimeout(follow, after);
}

function poll() {
  polling ??= setInterval(() => { channel?.postMessage("changed"); hint(); }, POLL);
}

function stopPolling() {
  clearInterval(polling);
  polling = null;
}

function close() {
  source?.close();
  source = null;
}

// Listens, if this is the tab that does; a tab that nobody looks at leaves it to another.
function follow() {
  clearTimeout(again);
  if (stopped || document.hidden || paused || every !== 0 || !events) return;
  if (!navigator.locks) return listen();
  if (leave) return source ?? listen();
  leave = new AbortController();
  const { signal } = leave;
  const turn = () => new Promise((done) => { listen(); signal.addEventListener("abort", () => { close(); done(); }); });
  navigator.locks.request(`kerrera:${events}`, { signal }, turn).catch(() => {});
}

function unfollow() {
  clearTimeout(again);
  stopPolling();
  leave?.abort();
  leave = null;
  close();
}

// What stands above: how fresh it is, and a button to stop it (or to have it).

function draw() {
  if (!indicator) return;
  const [state, text] =
    waiting ? ["waiting", words.changes]
    : every === null ? ["off", words.off]
    : paused ? ["paused", words.paused]
    : !connected || stopped ? ["reconnecting", words.reconnecting]
    : ["live", every === 0 ? words.live : words.every];
  indicator.dataset.state = state;
  if (button.textContent !== text) button.textContent = text;
  button.title = state === "live" ? words.pauseUpdates : state === "paused" || state === "off" ? words.resumeUpdates : "";
}

// Shows what there is to be shown, now.
export async function refreshNow() {
  await update(true);
  announce(words.upToDate);
}

export function toggleUpdates() {
  if (every === null) every = 0;
  else paused = !paused;
  sessionStorage.setItem(PAUSED, paused ? "yes" : "no");
  if (paused) unfollow();
  else { fetchedAt = 0; hint(); follow(); }
  draw();
  announce(button.textContent);
}

if (indicator && events && page()) {
  button.type = "button";
  button.addEventListener("click", () => (waiting ? refreshNow() : toggleUpdates()));
  indicator.append(button);
  draw();
  follow();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) unfollow();
    else { hint(); follow(); }
  });
  // A page that is kept for going back must not keep a connection.
  addEventListener("pagehide", unfollow);
  addEventListener("pageshow", ({ persisted }) => { if (persisted) { hint(); follow(); } });
}
