// Whether the specs would notice what they look for: each of these has to fail.
import { test } from "../site.js";

test.beforeEach(async ({ page, site }) => {
  test.fail();
  await page.goto(site.to(""));
});

test("a dialog", ({ page }) => page.evaluate(() => alert(1)));

test("an inline script", ({ page }) => page.evaluate(() => {
  document.body.append(Object.assign(document.createElement("script"), { textContent: "window.ran = 1" }));
}));

test("an inline style", ({ page }) => page.evaluate(() => document.body.setAttribute("style", "color: red")));

test("a picture from elsewhere", ({ page }) => page.evaluate(() => {
  document.body.append(Object.assign(document.createElement("img"), { src: "https://example.com/x.png" }));
}));

test("an error in a script", ({ page }) => page.evaluate(() => setTimeout(() => { throw new Error("oh"); })));
