import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { backendsPage, writeBackendsPage } from "./backends-table.js";

it("docs/backends.md says what docs/results/backends.json says", () => {
  expect(readFileSync(backendsPage, "utf8"), "run scripts/backends-table.ts").toBe(writeBackendsPage());
});
