import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { filled } from "./page.js";

const page = new URL("../../docs/performance.md", import.meta.url);

it("shows what was measured last", async () => {
  const text = await readFile(page, "utf8");
  // Else: npm run performance -- --only page
  expect(filled(text)).toBe(text);
});
it("fills the marked places only", () => {
  const text = filled("a\n<!-- begin peaks -->\nold\n<!-- end peaks -->\nb\n");
  expect(text).toMatch(/^a\n<!-- begin peaks -->\n[\s\S]+\n<!-- end peaks -->\nb\n$/);
  expect(text).not.toContain("old");
});
