// Somebody wants it dark, in Korean, and without single keys.
import { test, expect } from "../site.js";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with scripts" : "without scripts", () => {
    test.use({ javaScriptEnabled });

    test("settings are kept, and hold on every page", async ({ page, site }) => {
      await page.goto(site.to("/settings"));
      await page.getByLabel("Dark").check();
      await page.getByLabel("한국어").check();
      await page.getByLabel("Time zone").fill("Asia/Seoul");
      await page.getByRole("button", { name: "Save" }).click();

      await expect(page.getByRole("heading", { level: 1 })).toHaveText("설정");
      await expect(page.getByLabel("시간대")).toHaveValue("Asia/Seoul");
      await page.goto(site.to(""));
      const root = page.locator("html");
      await expect(root).toHaveAttribute("lang", "ko");
      await expect(root).toHaveAttribute("data-theme", "dark");
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("개요");
    });
  });
}
