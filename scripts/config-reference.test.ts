import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { configurationPage, writeConfigurationPage } from "./config-reference.js";

it("docs/guide/configuration.md is what the schemas say", () => {
  const page = readFileSync(configurationPage, "utf8");
  expect(page, "run: node --conditions=@alignkit/source --import tsx scripts/config-reference.ts").toBe(
    writeConfigurationPage(),
  );
});

it("every key has a description", () => {
  const rows = writeConfigurationPage().match(/^\| `.*$/gm) ?? [];
  // 4 stages; sft alone has 30 keys.
  expect(rows.length).toBeGreaterThan(100);
  expect(rows.filter((row) => row.endsWith("|  |"))).toEqual([]);
});
