// A job is written anew: changed after one has seen what changes, and inserted after a trial.
import { test, expect } from "../site.js";

const heading = (page) => page.getByRole("heading", { level: 1 }).first();

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("a job is changed, once its changes were looked at", async ({ page, site }) => {
      await page.goto(site.to("/jobs/{job:scheduled}"));
      await page.getByRole("link", { name: "Edit" }).click();
      const form = javaScriptEnabled ? page.locator("form.form:visible") : page.locator("#page form.form");
      await form.getByLabel("Priority").fill("4");
      await form.getByLabel("Attempts").fill("7");
      await page.getByRole("button", { name: "Review the changes" }).click();
      const change = page.getByRole("row", { name: /Priority/ });
      await expect(change.locator("del")).toHaveText("0");
      await expect(change.locator("ins")).toHaveText("4");
      await page.getByRole("button", { name: "Change it" }).click();
      await expect(page.getByRole("status").filter({ hasText: "The job is changed" })).toBeVisible();
      await expect(page.locator(".facts")).toContainText("0 / 7");
    });

    test("what is wrong is told beside, and what was written stays", async ({ page, site }) => {
      await page.goto(site.to("/jobs/new"));
      await page.getByLabel("Worker").fill("Deed");
      await page.getByLabel("Queue").fill("mail");
      await page.getByLabel("Args").fill('{"end": "done", ');
      await page.getByRole("button", { name: "Insert" }).click();
      await expect(page.getByLabel("Args")).toHaveAttribute("aria-invalid", "true");
      await expect(page.getByLabel("Args")).toHaveValue('{"end": "done", ');
      await page.getByLabel("Args").fill('{"end": "done", "note": "by hand"}');
      await page.getByRole("button", { name: "Try" }).click();
      await expect(page.locator("#trial")).toBeVisible();
      await page.getByRole("button", { name: "Insert" }).click();
      await expect(heading(page)).toContainText("Deed");
      await expect(page.locator("#page")).toContainText("by hand");
    });
  });
}
