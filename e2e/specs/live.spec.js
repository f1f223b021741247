// Something happens while somebody looks.
import { test, expect, prefer } from "../site.js";

const LIVE = { name: "Live", exact: true };

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
  await page.goto(site.to("/nodes"));
  await page.getByRole("button", LIVE).click();
  await expect(page.getByRole("button", { name: "Paused" })).toBeVisible();
  await page.goto(site.to("/queues"));
  await elsewhere(page, site, "/queues/mail/pause");
  await page.waitForTimeout(2_500);
  await expect(row(page, "mail")).toContainText("running");
  await page.getByRole("button", { name: "Paused" }).click();
  await expect(row(page, "mail")).toContainText("paused");
});

test("of two tabs one listens, and both are fresh", async ({ context, page, site }) => {
  const streams = [];
  context.on("request", (request) => { if (request.url().endsWith("/events")) streams.push(request); });
  const other = await context.newPage();
  await page.goto(site.to("/queues"));
  await other.goto(site.to("/queues"));
  await page.waitForTimeout(1_000);
  await elsewhere(page, site, "/queues/mail/pause");
  for (const tab of [page, other]) await expect(row(tab, "mail")).toContainText("paused", { timeout: 10_000 });
  expect(streams.length).toBe(1);
});

test("who wants no updates gets none", async ({ context, page, site }) => {
  await prefer(context, site, { refresh: "off" });
  const fetched = [];
  page.on("request", (request) => { if (request.resourceType() !== "document") fetched.push(request.url()); });
  await page.goto(site.to("/queues"));
  await expect(page.getByRole("button", { name: "Off" })).toBeVisible();
  await page.waitForTimeout(1_500);
  expect(fetched.filter((url) => url.includes("/i/main"))).toEqual([]);
});

test("the server stops although somebody looks", async ({ page, site }) => {
  await page.goto(site.to("/queues"));
  await page.waitForTimeout(500);
  const stopped = await Promise.race([(site.end(), site.ended), new Promise((late) => setTimeout(late, 5_000, "late"))]);
  expect(stopped).toBe(0);
  await expect(page.getByRole("button", { name: "Reconnecting" })).toBeVisible({ timeout: 20_000 });
});
