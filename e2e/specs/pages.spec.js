// Every page: nobody is shut out by it, nothing of anybody's data runs in it, and how it looks.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { test, expect, pages, prefer } from "../site.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

for (const { name, path, status = 200 } of pages) {
  test(`${name} is for everybody, and fits`, async ({ page, site }) => {
    test.setTimeout(120_000);
    const picture = (of) =>
      page.screenshot({ path: `${process.env.KERRERA_E2E_SCREENSHOTS}/${name}-${of}.png`, fullPage: true, animations: "disabled" });
    for (const language of ["en", "ko"]) {
      for (const theme of ["light", "dark"]) {
        await page.setViewportSize(DESKTOP);
        await prefer(page.context(), site, { refresh: "off", theme, language });
        const response = await page.goto(site.to(path));
        expect(response.status()).toBe(status);
        await page.evaluate(axe);
        const { passes, violations } = await page.evaluate(() => window.axe.run());
        expect(passes.length, "rules that axe has looked for").toBeGreaterThan(10);
        expect(serious(violations), `${theme}, ${language}`).toEqual([]);
        if (language === "en") {
          await picture(`${theme}-1280`);
          await page.setViewportSize(PHONE);
          await picture(`${theme}-390`);
        } else if (theme === "light") {
          await picture("korean-1280");
        }
      }
      for (const width of [360, 768, 1280, 1920]) {
        await page.setViewportSize({ width, height: 800 });
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(over, `pixels to the right of ${width}, ${language}`).toBeLessThanOrEqual(0);
      }
    }
  });
}

function serious(violations) {
  const isSerious = ({ impact }) => impact === "serious" || impact === "critical";
  return violations.filter(isSerious).map(({ id, help, nodes }) =>
    [`${id}: ${help}`, ...nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`)].join("\n"));
}
