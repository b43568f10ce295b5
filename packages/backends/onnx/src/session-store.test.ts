import {
  compileFunction,
  float32,
  input,
  legalize,
  matMul,
  mul,
  type Tensor,
  transpose,
} from "@alignkit/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createOnnxBackend } from "./backend.js";
import { findLibrary } from "./library.js";
import type { LoweredModel } from "./lower/lowering.js";
import { createHostMemory, createMemoryPool } from "./memory.js";
import { loadOrtApi, type OrtApi } from "./ort-api.js";
import { makePlan } from "./plan.js";
import { createSessionStore } from "./session-store.js";

let api: OrtApi;
beforeAll(() => {
  api = loadOrtApi(findLibrary());
});
afterAll(() => api.dispose());

/** The model of `x * factor`, or of `x * w` where w is a constant. */
function modelOf(factor: number | "w"): LoweredModel {
  const [x, w] = ["x", "w"].map((name) => input(name, { dtype: "float32", shape: [2] })) as [never, never];
  const graph = legalize({ inputs: [x, w], outputs: [mul(x, factor === "w" ? w : factor)] }, new Set());
  const step = makePlan(graph, undefined, factor === "w" ? [1] : [], "alone").steps[0];
  if (step?.kind !== "model") throw new Error("a product is a model");
  return step.lowered;
}

it("keeps a session that was released for the same model, and only then", async () => {
  const store = createSessionStore(api, { threads: 1 });
  const first = await store.open(modelOf(2), new Map());
  const second = await store.open(modelOf(2), new Map());
  expect(second.handle).not.toBe(first.handle);
  first.release();
  const other = await store.open(modelOf(3), new Map());
  expect(other.handle).not.toBe(first.handle);
  const again = await store.open(modelOf(2), new Map());
  expect(again.handle).toBe(first.handle);
  for (const session of [second, other, again]) session.release();
  store.dispose();
});

it("makes a session anew for other constants", async () => {
  const store = createSessionStore(api, { threads: 1 });
  const memory = createHostMemory(api, createMemoryPool({ releaseHandle: api.releaseTensor }));
  const results: number[][] = [];
  for (const weights of [
    [2, 3],
    [4, 5],
  ]) {
    const w = await memory.upload(float32(weights, [2]));
    const [x, y] = [await memory.upload(float32([1, 10], [2])), await memory.upload(float32([0, 0], [2]))];
    const session = await store.open(modelOf("w"), new Map([[1, w]]));
    const { inputNames, outputNames } = session;
    await session.run({ inputNames, inputs: [x.handle], outputNames, outputs: [y.handle] });
    results.push([...y.array()]);
    session.release();
    for (const value of [w, x, y]) value.dispose();
  }
  expect(results).toEqual([
    [2, 30],
    [4, 50],
  ]);
  store.dispose();
  memory.dispose();
});

/** Large enough that ONNX Runtime takes it without a copy, unless nodes compute from it alone. */
const size = 600;

it.each([
  ["a product reads", (w: Tensor) => w],
  ["is transposed before", (w: Tensor) => transpose(w, [1, 0])],
  ["is scaled before", (w: Tensor) => mul(w, 2)],
])("makes sessions of a large constant that %s", async (_, of) => {
  const backend = await createOnnxBackend({ threads: 1 });
  const values = Float32Array.from({ length: size * size }, (_, index) => (index % 7) - 3);
  const w = await backend.upload(float32(values, [size, size]));
  const x = float32(
    Float32Array.from({ length: size }, (_, index) => index % 5),
    [1, size],
  );
  const results: number[][] = [];
  for (const constants of [{ w }, {}]) {
    const run = compileFunction(
      backend,
      (given: { readonly x: Tensor; readonly w: Tensor }) => ({ y: matMul(given.x, of(given.w)) }),
      { constants },
    );
    const { y } = await run({ x, w });
    results.push([...(await y.read()).data]);
    await run.dispose();
  }
  // Small integers, so that sums are exact in any order.
  expect(results[0]).toEqual(results[1]);
  expect(new Set(results[0]).size).toBeGreaterThan(1);
  await backend.dispose();
});
