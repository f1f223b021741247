// Every text of the database wants to be a script. Whatever a page makes of it, nothing runs: that no dialog
// opens and the browser reports no breach of the policy is watched on all pages of all specs.
import { test, expect, ready } from "../site.js";

const MARKS = "img[src='x'], #page script, [onerror]";

test("whoever follows every link meets text and nothing else", async ({ page, gallery: site }) => {
  test.setTimeout(300_000);
  const queue = [site.to("")];
  const met = new Set();
  // Of pages alike, such as those of jobs, a few will do.
  const kinds = new Map();
  const kind = (url) => new URL(url).pathname.replace(/\d+/g, "1") + [...new URL(url).searchParams.keys()].join();
  while (queue.length) {
    const url = queue.shift();
    const response = await page.goto(url);
    expect(response.status(), url).toBeLessThan(500);
    expect(await page.locator(MARKS).count(), url).toBe(0);
    await page.locator("#page details").evaluateAll((all) => { for (const details of all) details.open = true; });
    const links = await page.locator("a[href]:not([download])").evaluateAll((all) => all.map(({ href }) => href));
    for (const link of links.map((link) => link.split("#")[0])) {
      if (!link.startsWith(site.to("")) || /export|events/.test(link) || met.has(link)) continue;
      met.add(link);
      const seen = (kinds.get(kind(link)) ?? 0) + 1;
      kinds.set(kind(link), seen);
      if (seen <= 2) queue.push(link);
    }
  }
  expect(kinds.size).toBeGreaterThan(40);
});

test("what one types oneself is text as well", async ({ page, site }) => {
  await page.goto(site.to("/jobs/new"));
  await page.getByLabel("Worker").fill(site.hostile);
  await page.getByLabel("Queue").fill(site.hostile);
  await page.getByLabel("Args").fill(JSON.stringify({ [site.hostile]: site.hostile }));
  await page.getByRole("button", { name: "Insert" }).click();
  await expect(page.getByRole("heading", { level: 1 }).first()).toContainText(site.hostile);
  expect(await page.locator(MARKS).count()).toBe(0);

  await page.goto(site.to("/queues/mail"));
  await ready(page);
  await page.getByRole("link", { name: "Pause" }).first().click();
  await page.getByLabel("Reason").fill(site.hostile);
  await page.getByRole("dialog").getByRole("button", { name: /Pause/ }).click();
  await expect(page.locator("#page")).toContainText(site.hostile);

  await page.goto(site.to("/jobs"));
  await page.locator("#filter").fill(`worker:"${site.hostile.replaceAll('"', "")}`);
  await page.keyboard.press("Enter");
  await expect(page.locator("#page [role=alert], #page .notice").first()).toBeVisible();
  expect(await page.locator(MARKS).count()).toBe(0);

  await ready(page);
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").getByRole("searchbox").fill(site.hostile);
  expect(await page.locator(MARKS).count()).toBe(0);
});
