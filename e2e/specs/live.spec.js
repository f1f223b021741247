// Something happens while somebody looks.
import { test, expect, prefer } from "../site.js";

const LIVE = { name: "Live", exact: true };

// What a page asks for in this time, which passes at once: the clock of the page is ours.
async function asked(page, time) {
  const urls = [];
  const note = (request) => urls.push(request.url());
  page.on("request", note);
  await page.clock.runFor(time);
  // What it asked for before this has been told by now.
  await page.evaluate(() => fetch(document.querySelector("link[rel=icon]").href));
  page.off("request", note);
  return urls.filter((url) => url.includes("/i/main"));
}

// Done by somebody else, elsewhere.
async function elsewhere(page, site, path) {
  const response = await page.request.post(site.to(path), { headers: { "sec-fetch-site": "same-origin" }, form: {}, maxRedirects: 0 });
  expect(response.status()).toBe(303);
}

const row = (page, name) => page.locator("#page tbody tr", { has: page.getByRole("rowheader", { name }) });

test("what changes is shown, and nothing that one has opened closes", async ({ page, site }) => {
  await page.goto(site.to("/jobs/{job:executing}"));
  await expect(page.getByRole("button", LIVE)).toBeVisible();
  const raw = page.locator("#raw-args");
  await raw.locator("summary").click();
  await page.evaluate(() => { window.isSamePage = true; });
  await elsewhere(page, site, "/jobs/{job:executing}/cancel");
  await expect(page.locator("#page .chip").first()).toHaveText("cancelled");
  await expect(raw).toHaveAttribute("open", "");
  expect(await page.evaluate(() => window.isSamePage)).toBe(true);
});

test("nothing moves under the pointer, until one asks for it", async ({ page, site }) => {
  await page.goto(site.to("/queues"));
  await expect(page.getByRole("button", LIVE)).toBeVisible();
  await row(page, "mail").hover();
  await elsewhere(page, site, "/queues/mail/pause");
  const show = page.getByRole("button", { name: "Something has changed. Show it" });
  await expect(show).toBeVisible({ timeout: 10_000 });
  await expect(row(page, "mail")).toContainText("running");
  await show.focus();
  await page.keyboard.press("Enter");
  await expect(row(page, "mail")).toContainText("paused");
  await expect(page.getByRole("button", LIVE)).toBeFocused();
});

test("updates can be stopped, stay so on the next page, and go on", async ({ page, site }) => {
  await page.clock.install();
  await page.goto(site.to("/nodes"));
  await expect(page.getByRole("button", LIVE)).toBeVisible();
  expect(await asked(page, 10_000)).not.toEqual([]);
  await page.getByRole("button", LIVE).click();
  await expect(page.getByRole("button", { name: "Paused" })).toBeVisible();
  await page.goto(site.to("/queues"));
  await elsewhere(page, site, "/queues/mail/pause");
  expect(await asked(page, 60_000)).toEqual([]);
  await expect(row(page, "mail")).toContainText("running");
  await page.getByRole("button", { name: "Paused" }).click();
  await page.clock.resume();
  await expect(row(page, "mail")).toContainText("paused");
});

test("of two tabs one listens, and both are fresh", async ({ context, page, site }) => {
  const streams = [];
  context.on("request", (request) => { if (request.url().endsWith("/events")) streams.push(request); });
  const other = await context.newPage();
  await page.goto(site.to("/queues"));
  await other.goto(site.to("/queues"));
  for (const tab of [page, other]) await expect(tab.getByRole("button", LIVE)).toBeVisible();
  await expect.poll(() => streams.length).toBe(1);
  await elsewhere(page, site, "/queues/mail/pause");
  for (const tab of [page, other]) await expect(row(tab, "mail")).toContainText("paused", { timeout: 10_000 });
  expect(streams.length).toBe(1);
});

test("who wants no updates gets none", async ({ context, page, site }) => {
  await prefer(context, site, { refresh: "off" });
  await page.clock.install();
  await page.goto(site.to("/queues"));
  await expect(page.getByRole("button", { name: "Off" })).toBeVisible();
  expect(await asked(page, 60_000)).toEqual([]);
});

test("what is selected stays selected, whatever else changes", async ({ page, site }) => {
  await page.goto(site.to("/jobs?q=queue%3Areports+state%3Aavailable"));
  await expect(page.getByRole("button", LIVE)).toBeVisible();
  const boxes = page.getByRole("checkbox", { name: /^Select job/ });
  await boxes.nth(1).check();
  await boxes.nth(2).check();
  const [first, second, third] = await boxes.evaluateAll((all) => all.slice(0, 3).map(({ value }) => value));
  await elsewhere(page, site, `/jobs/${first}/cancel`);
  await page.getByRole("button", { name: "Something has changed. Show it" }).click();
  await expect(page.locator(`#job-${first}`)).toHaveCount(0);
  for (const id of [second, third]) await expect(page.locator(`#job-${id}`).getByRole("checkbox")).toBeChecked();
  await expect(page.locator("[data-selection-count]")).toHaveText("2 jobs selected");
});

test("the server stops although somebody looks", async ({ page, site }) => {
  const listening = page.waitForResponse((response) => response.url().endsWith("/events"));
  await page.goto(site.to("/queues"));
  await listening;
  const stopped = await Promise.race([(site.end(), site.ended), new Promise((late) => setTimeout(late, 5_000, "late"))]);
  expect(stopped).toBe(0);
  await expect(page.getByRole("button", { name: "Reconnecting" })).toBeVisible({ timeout: 20_000 });
});
