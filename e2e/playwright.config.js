// How specs are run; `cargo xtask e2e` says where things are.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  outputDir: "results",
  fullyParallel: true,
  forbidOnly: true,
  retries: 0,
  workers: 2,
  timeout: 90_000,
  // It takes a few minutes; this only ends what hangs.
  globalTimeout: 15 * 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: "results.json" }]],
  use: {
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    actionTimeout: 10_000,
    navigationTimeout: 20_000,
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.KERRERA_E2E_CHROMIUM,
      // Root has no sandbox, and containers little shared memory.
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
    },
  },
});
