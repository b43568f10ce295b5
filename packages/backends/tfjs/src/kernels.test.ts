/** Slices of columns, some of which WebAssembly takes as rows. */
import { slice } from "@alignkit/core";
import { checkCase, defineCase, real } from "@alignkit/core/conformance";
import { expect, it } from "vitest";
import { createTfjsBackend } from "./backend.js";

it.each([
  { start: 0, end: 2 },
  { start: 4, end: 6 },
  { start: 1, end: 3 },
  { start: 0, end: 4 },
])("columns $start to $end of 6", async ({ start, end }) => {
  const backend = await createTfjsBackend({ provider: "wasm" });
  const columns = defineCase("slice", [real([3, 6])], (x) => slice(x, 1, start, end));
  expect(await checkCase(backend, columns)).toBeUndefined();
  await backend.dispose();
});
