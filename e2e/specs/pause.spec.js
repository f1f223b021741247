// A queue is paused with a reason, and resumed.
import { test, expect, come, picture, ready } from "../site.js";
import { expectNothingSerious } from "../axe.js";

test("in a dialog, which gives the focus back", async ({ page, site }) => {
  await page.goto(site.to("/queues/mail"));
  await ready(page);
  const pause = page.getByRole("link", { name: "Pause" }).first();
  await pause.click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(pause).toBeFocused();

  await pause.press("Enter");
  await dialog.getByRole("link", { name: "Close" }).click();
  await expect(pause).toBeFocused();

  await pause.click();
  await dialog.getByLabel("Reason").fill("the mail server is down");
  await expectNothingSerious(page, "dialog");
  await picture(page, "dialog-light-1280");
  await dialog.getByRole("button", { name: /Pause/ }).click();
  await expect(page.locator("#page")).toContainText("the mail server is down");
  await page.getByRole("button", { name: "Resume" }).first().click();
  await expect(page.locator("#page")).not.toContainText("the mail server is down");
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("on a page of its own", async ({ page, site }) => {
    await page.goto(site.to("/queues/mail"));
    await page.getByRole("link", { name: "Pause" }).first().click();
    await page.getByLabel("Reason").fill("the mail server is down");
    await page.getByRole("button", { name: /Pause/ }).click();
    await expect(page.locator("#page")).toContainText("the mail server is down");
    await page.getByRole("button", { name: "Resume" }).first().click();
    await expect(page.locator("#page")).not.toContainText("the mail server is down");
  });
});

test("who may only look is told what is missing", async ({ context, page, site }) => {
  await come(context, "viewer");
  await page.goto(site.to("/queues/mail"));
  const pause = page.getByRole("button", { name: "Pause" }).first();
  await expect(pause).toBeDisabled();
  await expect(pause).toHaveAttribute("title", /queues:pause/);
});

test("what is hidden from somebody is not there", async ({ context, page, site }) => {
  await come(context, "narrow");
  await page.goto(site.to("/queues"));
  await expect(page.locator("#page")).not.toContainText("payroll");
  expect((await page.goto(site.to("/queues/payroll"))).status()).toBe(404);
  expect((await page.goto(site.to("/jobs/{job:hidden}"))).status()).toBe(404);
});
