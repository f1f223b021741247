// Somebody who may only look.
import { test, expect, come, pages } from "../site.js";

test("nothing can be pressed on any page, and each button says what is missing", async ({ context, page, gallery: site }) => {
  test.setTimeout(180_000);
  await come(context, "viewer");
  let refused = 0;
  let shown = 0;
  for (const { name, path, status = 200 } of pages) {
    const response = await page.goto(site.to(path));
    if (response.status() === 403) { refused += 1; continue; }
    expect(response.status(), name).toBe(status);
    shown += 1;
    // What one keeps in one's own browser is one's own.
    const sends = page.locator("form[method=post]:not(.settings)").locator("button, input[type=submit]");
    for (const button of await sends.all()) await expect(button, name).toBeDisabled();
    for (const button of await page.locator("#page button[disabled]").all()) {
      expect(await button.getAttribute("title"), name).toBeTruthy();
    }
  }
  expect(refused, "what one may not even ask for").toBeGreaterThan(10);
  expect(shown).toBeGreaterThan(20);
});

test("who sends a form all the same is refused", async ({ context, page, site }) => {
  await come(context, "viewer");
  for (const path of ["/jobs/{job:discarded}/retry", "/queues/mail/pause", "/crons/nightly/run", "/operations/new", "/jobs/{job:completed}/delete"]) {
    const response = await page.request.post(site.to(path), { headers: { "x-user": "viewer", "sec-fetch-site": "same-origin" }, form: {}, maxRedirects: 0 });
    expect(response.status(), path).toBe(403);
  }
});
