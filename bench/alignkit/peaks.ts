/** What the machine can do at most: products of matrices through the backend, and a copy of memory. */
import { compileFunction, float32, matMul, type Tensor } from "@alignkit/core";
import type { MakeItem } from "./item.js";

/** A product of two matrices on the backend, as one graph. */
export const makeProduct: MakeItem = async (backend, { product: [m, k, n] = [1, 1, 1] }) => {
  const matrix = (rows: number, columns: number) =>
    backend.upload(float32(new Float32Array(rows * columns).fill(0.5), [rows, columns]));
  const [a, b] = [await matrix(m, k), await matrix(k, n)];
  const multiply = compileFunction(backend, (inputs: { readonly a: Tensor; readonly b: Tensor }) => ({
    c: matMul(inputs.a, inputs.b),
  }));
  return {
    async run() {
      const { c } = await multiply({ a, b });
      c.dispose();
      return { tokens: 0, flops: 2 * m * k * n };
    },
    async dispose() {
      await multiply.dispose();
      a.dispose();
      b.dispose();
    },
  };
};

/**
 * 16 rows through 24 matrices, `[3088, 768]` and `[768, 3088]` in turn: 226 MB, more than caches hold. Rows of 3072 floats
 * would lie whole pages apart and put each other out of the cache, which a decoder avoids as well.
 */
export const makeFewRows: MakeItem = async (backend) => {
  const [narrow, wide, rows, pairs, passes] = [768, 3088, 16, 12, 16];
  const matrix = (shape: readonly [number, number]) =>
    backend.upload(float32(new Float32Array(shape[0] * shape[1]).fill(1 / (2 * narrow)), shape));
  const x = await matrix([narrow, rows]);
  const weights = await Promise.all(
    Array.from({ length: pairs }, () => [matrix([wide, narrow]), matrix([narrow, wide])]).flat(),
  );
  // As a decoder's products are where weights are read as they lie.
  const multiply = compileFunction(
    backend,
    (inputs: { readonly x: Tensor; readonly weights: readonly Tensor[] }) => ({
      y: inputs.weights.reduce((rowsSoFar, weight) => matMul(weight, rowsSoFar), inputs.x),
    }),
  );
  return {
    async run() {
      for (let pass = 0; pass < passes; pass++) {
        const { y } = await multiply({ x, weights });
        y.dispose();
      }
      return { tokens: 0, moved: passes * 4 * 2 * pairs * narrow * wide };
    },
    async dispose() {
      await multiply.dispose();
      for (const tensor of [x, ...weights]) tensor.dispose();
    },
  };
};

/** A copy in one thread. */
export const makeCopy: MakeItem = async (_, { bytes = 2 ** 28 }) => {
  const [from, to] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes).fill(2)];
  return {
    async run() {
      to.set(from);
      return { tokens: 0, moved: 2 * bytes };
    },
    dispose: async () => {},
  };
};
