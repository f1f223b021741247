// Every page: nobody is shut out by it, nothing of anybody's data runs in it, and how it looks.
import { test, expect, pages, picture, prefer } from "../site.js";
import { expectNothingSerious } from "../axe.js";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

// Tags that have an attribute twice.
function twice(html) {
  return [...html.matchAll(/<[a-z][^>]*>/g)].map(([tag]) => tag).filter((tag) => {
    const names = [...tag.matchAll(/ ([a-z][a-z0-9-]*)(?:="[^"]*")?(?=[ >])/gi)].map(([, name]) => name);
    return new Set(names).size < names.length;
  });
}

for (const { name, path, status = 200 } of pages) {
  test(`${name} is for everybody, and fits`, async ({ page, gallery: site }) => {
    test.setTimeout(180_000);
    for (const language of ["en", "ko"]) {
      for (const theme of ["light", "dark"]) {
        await page.setViewportSize(DESKTOP);
        await prefer(page.context(), site, { refresh: "off", theme, language });
        const response = await page.goto(site.to(path));
        expect(response.status()).toBe(status);
        expect(twice(await response.text()), "of two attributes of a name the browser takes one").toEqual([]);
        await expectNothingSerious(page, `${theme}, ${language}`);
        if (language === "en") {
          await picture(page, `${name}-${theme}-1280`);
          await page.setViewportSize(PHONE);
          await picture(page, `${name}-${theme}-390`);
        } else if (theme === "light") {
          await picture(page, `${name}-korean-1280`);
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
