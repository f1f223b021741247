// Somebody is called out of bed, and has a phone.
import { test, expect } from "../site.js";

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

test("one sees what is wrong, goes there, and can do everything", async ({ page, site }) => {
  await page.goto(site.to(""));
  await page.locator("#page").getByRole("link", { name: "reports" }).first().tap();
  await page.getByRole("button", { name: "Resume" }).first().tap();
  await expect(page.locator("#page")).toContainText("running");

  const menu = page.getByRole("navigation", { name: "Main" });
  await expect(menu.getByRole("link", { name: "Nodes" })).toBeHidden();
  await menu.getByText("More").tap();
  await menu.getByRole("link", { name: "Nodes" }).tap();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nodes");
});

test("what one taps is large enough", async ({ page, site }) => {
  await page.goto(site.to("/queues"));
  for (const button of await page.locator("button:visible, a.button:visible, nav.menu a:visible").all()) {
    const { width, height } = await button.boundingBox();
    expect(Math.min(width, height), await button.innerText()).toBeGreaterThanOrEqual(32);
  }
});
