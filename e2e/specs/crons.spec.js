// An entry of the crontab is run by hand, paused, and edited.
import { test, expect } from "../site.js";

test("one runs an entry now, and finds its job", async ({ page, site }) => {
  await page.goto(site.to("/crons/weekly"));
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.locator("#page [role=status]").first()).toBeVisible();
  await page.goto(site.to("/jobs?q=cron%3Aweekly"));
  await expect(page.locator("#page tbody tr")).toHaveCount(1);
});

test("one edits when it is due", async ({ page, site }) => {
  await page.goto(site.to("/crons/weekly"));
  await page.getByRole("link", { name: "Edit" }).click();
  // In a dialog or on a page of its own.
  const form = page.locator("form", { has: page.getByLabel("Expression") });
  await form.getByLabel("Expression").fill("15 7 * * *");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.locator("#page")).toContainText("15 7 * * *");
});
