// Something is done to many jobs: selected, or all that a filter has; after one has seen what would happen.
import { test, expect } from "../site.js";

const failed = "/jobs?q=state%3Adiscarded+queue%3Amedia";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("those that are selected are tried again, and no others", async ({ page, site }) => {
      await page.goto(site.to(failed));
      const boxes = page.getByRole("checkbox", { name: /^Select job/ });
      const all = await boxes.count();
      await boxes.nth(0).check();
      await boxes.nth(2).check();
      await page.getByRole("button", { name: "Retry" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Retry jobs: 2");
      await expect(page.getByRole("row", { name: /discarded/ }).first()).toContainText("available");
      await page.getByLabel("Reason").fill("the network is back");
      await page.getByRole("button", { name: "Retry (2)" }).click();

      await expect(page).toHaveURL(/\/operations\/\d+/);
      const operation = page.url();
      await expect(async () => {
        if (!javaScriptEnabled) await page.goto(operation);
        expect(await page.locator("#page .badge").first().textContent()).toBe("done");
      }).toPass({ timeout: 15_000 });
      await expect(page.locator("#page")).toContainText("the network is back");
      // They run again, and fail again.
      await expect(async () => {
        await page.goto(site.to("/jobs?q=state%3Adiscarded+queue%3Amedia+attempt%3A2"));
        expect(await page.locator("#page tbody tr").count()).toBe(2);
      }).toPass({ timeout: 15_000 });
      expect(all).toBeGreaterThan(2);
    });
  });
}

test("all that a filter has are deleted by who can say how many", async ({ page, site }) => {
  await page.goto(site.to("/jobs?q=state%3Acompleted+queue%3Amedia"));
  await page.getByRole("checkbox", { name: /^All that the filter has/ }).check();
  await page.getByRole("button", { name: "Delete" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Delete jobs: 30");
  const go = page.getByRole("button", { name: "Delete (30)" });
  await page.getByLabel("How many jobs").fill("3");
  await go.click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Delete jobs: 30");
  await expect(page.locator("#page .error")).toContainText("type 30");
  await page.getByLabel("How many jobs").fill("30");
  await go.click();
  await expect(page.locator("#page .badge").first()).toHaveText("done", { timeout: 15_000 });
  await page.goto(site.to("/jobs?q=state%3Acompleted+queue%3Amedia"));
  await expect(page.locator("#page .empty")).toBeVisible();
});

test("nothing that is selected is nothing, and not everything", async ({ page, site }) => {
  await page.goto(site.to(failed));
  await page.getByRole("button", { name: "Delete" }).click();
  await expect(page.locator("#page")).toContainText("No job is selected");
});
