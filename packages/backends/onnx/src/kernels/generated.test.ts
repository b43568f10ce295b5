import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { generate } from "../../scripts/build-wasm.mjs";

it("generated files are what their sources compile to", async () => {
  const folder = join(import.meta.dirname, "../..");
  const files = await generate();
  expect(Object.keys(files)).toHaveLength(2);
  for (const [name, text] of Object.entries(files))
    expect(readFileSync(join(folder, name), "utf8"), name).toBe(text);
});
