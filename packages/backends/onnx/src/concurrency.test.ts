import { type Backend, compileFunction, float32, matMul, mul, type Tensor } from "@alignkit/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createOnnxBackend } from "./backend.js";

let backend: Backend;
beforeAll(async () => {
  backend = await createOnnxBackend({ threads: 2 });
});
afterAll(() => backend.dispose());

it("runs of one executable and of several may overlap", async () => {
  const square = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: matMul(x, x) }));
  const double = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: mul(x, 2) }));
  const size = 200;
  const runs = Array.from({ length: 8 }, async (_, index) => {
    const x = float32(new Float32Array(size * size).fill(index), [size, size]);
    const [a, b] = await Promise.all([square({ x }), double({ x })]);
    // Every entry of the square is 200 i i.
    expect((await a.y.read()).data.every((value) => value === size * index * index)).toBe(true);
    expect((await b.y.read()).data.every((value) => value === 2 * index)).toBe(true);
    a.y.dispose();
    b.y.dispose();
  });
  await Promise.all(runs);
});

it("another backend in the same process lives on when one is disposed", async () => {
  const other = await createOnnxBackend({ threads: 1 });
  await other.dispose();
  const run = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: mul(x, 2) }));
  expect([...(await (await run({ x: float32([1, 2], [2]) })).y.read()).data]).toEqual([2, 4]);
});
