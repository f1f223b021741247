// Whether somebody is shut out by what a page shows now.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { expect } from "@playwright/test";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function expectNothingSerious(page, where) {
  await page.evaluate(source);
  const { passes, violations } = await page.evaluate(() => window.axe.run());
  expect(passes.length, "rules that axe has looked for").toBeGreaterThan(10);
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, help, nodes }) =>
    [`${id}: ${help}`, ...nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`)].join("\n"));
  expect(told, where).toEqual([]);
}
