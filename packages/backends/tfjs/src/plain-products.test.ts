/** Products large enough to go to XNNPACK matrix by matrix; those of the conformance suite are not. */
import { type Backend, matMul } from "@alignkit/core";
import { checkCase, defineCase, real } from "@alignkit/core/conformance";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTfjsBackend } from "./backend.js";

let backend: Backend;
beforeAll(async () => {
  backend = await createTfjsBackend({ provider: "wasm" });
});
afterAll(() => backend.dispose());

// 48 x 56 x 64 is more than 2^17 multiplications for each of 2 x 3 matrices.
const [rows, inner, columns] = [48, 56, 64];
it.each([
  [false, false],
  [true, false],
  [false, true],
  [true, true],
])("many matrices, transposed: %s and %s", async (transposeA, transposeB) => {
  const a = real([2, 3, ...(transposeA ? [inner, rows] : [rows, inner])]);
  const b = real([2, 3, ...(transposeB ? [columns, inner] : [inner, columns])]);
  const product = defineCase("product", [a, b], (x, y) => matMul(x, y, { transposeA, transposeB }), {
    // 56 terms.
    absolute: 1e-4,
  });
  expect(await checkCase(backend, product)).toBeUndefined();
});

// Where the transposed operand is larger than the other and the result, these are transposed in its place.
it("two matrices, the larger one transposed", async () => {
  const product = defineCase("product", [real([70, 60]), real([70, 3])], (x, y) =>
    matMul(x, y, { transposeA: true }),
  );
  expect(await checkCase(backend, product)).toBeUndefined();
});
