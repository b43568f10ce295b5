import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { presetsPage, writePresetsPage } from "./presets-reference.js";

it("docs/guide/presets.md says what the presets say", async () => {
  expect(readFileSync(presetsPage, "utf8"), "run scripts/presets-reference.ts").toBe(
    await writePresetsPage(),
  );
});
