// What every spec begins with: a dashboard of its own, and a browser in which nothing may go wrong.
//
//     import { test, expect } from "../site.js";
//
//     test("one finds the page", async ({ page, site }) => {
//       await page.goto(site.to("/queues"));
//       await expect(page.getByRole("heading", { level: 1 })).toHaveText("Queues");
//     });
//
// One file a journey. `site.jobs.retryable` is the number of a job in that state. Who only looks takes
// `gallery` instead of `site`.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { test as base, expect } from "@playwright/test";

export { expect };

// Every page, in one place: a test of the crate holds this list to the routes.
export const pages = JSON.parse(readFileSync(new URL("pages.json", import.meta.url), "utf8"));

// Starts a server, lends it, and ends it.
async function serve(use, ...scene) {
  const server = spawn(process.env.KERRERA_E2E_SITE, scene, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const first = await Promise.race([
    new Promise((resolve) => createInterface(server.stdout).once("line", resolve)),
    ended.then((code) => Promise.reject(new Error(`the site ended with ${code}`))),
  ]);
  const { url, jobs, errors, hostile } = JSON.parse(first);
  const filled = (path) =>
    path.replace(/\{job:(\w+)\}/g, (_, name) => jobs[name])
      .replace("{error}", errors[0])
      .replaceAll("{hostile}", encodeURIComponent(hostile))
      .replace("{hostile-node}", encodeURIComponent(hostile.replaceAll(" ", "/")));
  await use({ url, jobs, hostile, to: (path) => `${url}/i/main${filled(path)}`, end: () => server.stdin.end(), ended });
  server.stdin.end();
  await ended;
}

// A tidy one, for pictures.
export const shop = (use) => serve(use, "shop");

export const test = base.extend({
  // A server for this test alone: what one test pauses, another does not find paused.
  site: async ({ context }, use) => serve(async (site) => {
    await use(site);
    // Whoever still looked when it ends would be refused.
    await Promise.all(context.pages().map((page) => page.close()));
  }),

  // One for all tests that change nothing.
  gallery: [async ({}, use) => serve(use), { scope: "worker" }],

  // Watches all pages of the test, whoever opens them.
  context: async ({ context }, use) => {
    const wrong = [];
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
    context.on("page", (page) => {
      page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
      page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
      page.on("console", (message) => {
        // What the server refuses is for the specs to expect; the browser logs it all the same.
        const isRefusal = /status of 4\d\d|ERR_CONNECTION|ERR_INCOMPLETE/.test(message.text());
        if (message.type() === "error" && !isRefusal) wrong.push(`console: ${message.text()}`);
      });
      page.on("response", (response) => {
        if (response.status() >= 500) wrong.push(`${response.status()}: ${response.url()}`);
      });
    });
    await use(context);
    expect(wrong, "what went wrong in the browser").toEqual([]);
  },
});

// Waits until the scripts of a page listen to keys: nobody is as quick as a test.
export async function ready(page) {
  await expect(page.locator("#freshness button")).toBeVisible();
}

// Sets preferences, as the form of the settings does.
export async function prefer(context, site, preferences) {
  const value = Object.entries(preferences).map(([name, value]) => `${name}:${value}`).join("&");
  await context.addCookies([{ name: "kerrera", value, url: site.url }]);
}

// Comes as somebody else than the administrator.
export async function come(context, user) {
  await context.setExtraHTTPHeaders({ "x-user": user });
}

// Keeps what a page looks like, for people: the whole of it.
export async function picture(page, name) {
  await page.screenshot({ path: `${process.env.KERRERA_E2E_SCREENSHOTS}/${name}.png`, fullPage: true, animations: "disabled" });
}
