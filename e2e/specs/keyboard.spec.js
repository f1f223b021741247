// Somebody who has no mouse.
import { test, expect, picture, prefer, ready } from "../site.js";
import { expectNothingSerious } from "../axe.js";

const heading = (page) => page.getByRole("heading", { level: 1 }).first();

test("one goes everywhere, and to a row, with keys", async ({ page, site }) => {
  await page.goto(site.to(""));
  await ready(page);
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await expect(heading(page)).toHaveText("Queues");
  await ready(page);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  const first = page.locator("#page tbody tr").first().locator("a").first();
  await expect(first).toBeFocused();
  const name = await first.textContent();
  await page.keyboard.press("o");
  await expect(heading(page)).toContainText(name);
});

test("what failed is found and tried again without a mouse", async ({ page, site }) => {
  await page.goto(site.to(""));
  await ready(page);
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await expect(heading(page)).toHaveText("Jobs");
  await ready(page);
  await page.keyboard.press("/");
  await page.keyboard.type("state:discarded queue:mail error:refused");
  await page.keyboard.press("Enter");
  await expect(page.locator("#page tbody tr")).toHaveCount(1);
  await ready(page);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(heading(page)).toContainText("Deed");
  const retry = page.getByRole("button", { name: "Retry" });
  for (let steps = 0; steps < 60 && !(await retry.evaluate((button) => button === document.activeElement)); steps += 1) {
    await page.keyboard.press("Tab");
  }
  await expect(retry).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator(".attempts .attempt")).toHaveCount(2, { timeout: 10_000 });
});

test("rows are selected with keys, one by one, in a row, and all", async ({ page, site }) => {
  await page.goto(site.to("/jobs?q=state%3Adiscarded"));
  await ready(page);
  const count = page.locator("[data-selection-count]");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await expect(count).toHaveText("1 job selected");
  for (let steps = 0; steps < 3; steps += 1) await page.keyboard.press("j");
  await page.keyboard.press("Shift+x");
  await expect(count).toHaveText("4 jobs selected");
  await page.keyboard.press("Escape");
  await expect(count).toHaveText("");
  await page.keyboard.press("a");
  await expect(count).toHaveText(/^\d\d jobs selected$/);
  const all = page.locator("#selection [name=all]");
  await page.keyboard.press("Shift+a");
  await expect(all).toBeChecked();
  await page.keyboard.press("Shift+a");
  await expect(all).not.toBeChecked();
});

test("one looks back longer, and less long, with keys", async ({ page, site }) => {
  await page.goto(site.to("/workers"));
  const chosen = page.locator("nav[data-windows] [aria-current]");
  await ready(page);
  const before = await chosen.textContent();
  await page.keyboard.press("[");
  await expect(chosen).not.toHaveText(before);
  await ready(page);
  await page.keyboard.press("]");
  await expect(chosen).toHaveText(before);
});

test("keys work where the keyboard types hangul, and not while somebody composes", async ({ page, site }) => {
  await page.goto(site.to("/queues"));
  await ready(page);
  const press = (isComposing) => page.evaluate((isComposing) =>
    document.body.dispatchEvent(new KeyboardEvent("keydown", { code: "KeyJ", key: "ㅓ", bubbles: true, isComposing })), isComposing);
  await press(true);
  await expect(page.locator("#page tbody a:focus")).toHaveCount(0);
  await press(false);
  await expect(page.locator("#page tbody a:focus")).toHaveCount(1);
});

test("the help says which there are, and Esc closes it", async ({ page, site }) => {
  await page.goto(site.to("/queues"));
  await ready(page);
  await page.keyboard.press("Shift+Slash");
  const help = page.getByRole("dialog", { name: "Keyboard" });
  await expect(help).toBeVisible();
  await expect(help).toContainText("Next and previous row");
  await expectNothingSerious(page, "help");
  await picture(page, "help-light-1280");
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();
  await page.getByRole("button", { name: "Keyboard" }).click();
  await help.getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("button", { name: "Keyboard" })).toBeFocused();
});

test("the palette leads to pages, and to a job by its number", async ({ page, site }) => {
  await page.goto(site.to(""));
  await ready(page);
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog");
  await palette.getByRole("searchbox").fill("que");
  await page.keyboard.press("Enter");
  await expect(heading(page)).toHaveText("Queues");
  await ready(page);

  await page.keyboard.press("Control+k");
  await expectNothingSerious(page, "palette");
  await palette.getByRole("searchbox").fill(String(site.jobs.retryable));
  await picture(page, "palette-light-1280");
  await page.keyboard.press("Enter");
  await expect(heading(page)).toContainText("Deed");
  await expect(page).toHaveURL(new RegExp(`/jobs/${site.jobs.retryable}$`));
});

test("who wants no single keys has none", async ({ context, page, site }) => {
  await prefer(context, site, { shortcuts: "off" });
  await page.goto(site.to("/queues"));
  await ready(page);
  await page.keyboard.press("j");
  await expect(page.locator("#page tbody a:focus")).toHaveCount(0);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog")).toBeVisible();
});

test("keys that are typed into a field do nothing else", async ({ page, site }) => {
  await page.goto(site.to("/jobs"));
  await ready(page);
  await page.keyboard.press("/");
  const filter = page.getByRole("combobox").first();
  await expect(filter).toBeFocused();
  await page.keyboard.type("gq");
  await expect(filter).toHaveValue("gq");
  await expect(heading(page)).toHaveText("Jobs");
});

test("a filter goes on as one types", async ({ page, site }) => {
  await page.goto(site.to("/jobs"));
  const filter = page.locator("#filter");
  await filter.pressSequentially("sta");
  await expect(page.getByRole("option", { name: "state:" })).toBeVisible();
  await expectNothingSerious(page, "suggestions");
  await picture(page, "suggestions-light-1280");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(filter).toHaveValue("state:");
  await filter.pressSequentially("ret");
  await page.getByRole("option", { name: "retryable" }).click();
  await expect(filter).toHaveValue("state:retryable ");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/q=state(%3A|:)retryable/);
});

test("keys lead from one job of a list to the next", async ({ page, site }) => {
  await page.goto(site.to("/jobs?q=state:available&order=newest"));
  await ready(page);
  const links = page.locator("#page .list tbody th a");
  const [first, second] = [await links.nth(0).getAttribute("href"), await links.nth(1).getAttribute("href")];
  await page.keyboard.press("j");
  await page.keyboard.press("o");
  await expect(page).toHaveURL(new RegExp(`${first}$`));
  await ready(page);
  await page.keyboard.press("n");
  await expect(page).toHaveURL(new RegExp(`${second}$`));
  await ready(page);
  await page.keyboard.press("p");
  await expect(page).toHaveURL(new RegExp(`${first}$`));
});
