// The pictures of the README: a tidy shop, in both languages.
import { mkdirSync } from "node:fs";
import { test, expect, prefer, ready, shop } from "../site.js";

const folder = process.env.KERRERA_E2E_IMAGES;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 800 };

const pictures = [
  { name: "overview", path: "", theme: "light", size: DESKTOP },
  { name: "jobs", path: "/jobs?q=queue%3Amedia", theme: "light", size: DESKTOP },
  { name: "job", path: "/jobs?q=worker%3AImportCustomers+state%3Aexecuting", follow: "#page tbody th a", theme: "dark", size: DESKTOP },
  { name: "queue", path: "/queues/payments", theme: "dark", size: DESKTOP },
  { name: "errors", path: "/errors", theme: "light", size: DESKTOP },
  { name: "phone", path: "", theme: "dark", size: PHONE },
];

for (const language of ["en", "ko"]) {
  test(`the shop is shown in ${language}`, async ({ page }) => {
    test.setTimeout(120_000);
    mkdirSync(folder, { recursive: true });
    await shop(async (site) => {
      for (const { name, path, follow, theme, size } of pictures) {
        await page.setViewportSize(size);
        await prefer(page.context(), site, { theme, language });
        await page.goto(site.to(path));
        if (follow) await page.locator(follow).first().click();
        await ready(page);
        await expect(page.locator("#page")).toBeVisible();
        await page.screenshot({ path: `${folder}/${name}-${language}.png`, animations: "disabled" });
      }
    });
  });
}
