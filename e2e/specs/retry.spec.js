// Something has failed: somebody finds it, sees why, and tries it again.
import { test, expect } from "../site.js";

test("what failed is found from the first page, and tried again", async ({ page, site }) => {
  await page.goto(site.to(""));
  await page.getByRole("navigation", { name: "Jobs by state" }).getByRole("link", { name: /discarded/ }).click();
  await expect(page.locator("#filter")).toHaveValue("state:discarded");
  await page.locator("#filter").fill("state:discarded queue:mail error:refused");
  await page.keyboard.press("Enter");
  const rows = page.locator("#page tbody tr");
  await expect(rows).toHaveCount(1);
  await rows.getByRole("link").first().click();

  await expect(page.locator(".attempts")).toContainText("connection refused by");
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByRole("status").filter({ hasText: /./ }).first()).toBeVisible();
  // Its worker fails again, and the page tells without being asked.
  await expect(page.locator(".attempts .attempt")).toHaveCount(2, { timeout: 10_000 });
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("the same, on plain pages", async ({ page, site }) => {
    await page.goto(site.to("/jobs"));
    await page.getByLabel("Filter").first().fill("state:discarded queue:mail error:refused");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.locator("#page tbody tr").getByRole("link").first().click();
    await page.getByRole("button", { name: "Retry" }).click();
    await expect(page.locator("#page")).toContainText("connection refused by");
  });
});
