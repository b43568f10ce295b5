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

it("results do not depend on the number of threads", async () => {
  const body = ({ x, w }: { x: Tensor; w: Tensor }) => ({ y: matMul(x, w, { transposeA: true }) });
  const x = float32(
    Float32Array.from({ length: 300 * 700 }, (_, i) => Math.sin(i)),
    [300, 700],
  );
  const w = float32(
    Float32Array.from({ length: 300 * 90 }, (_, i) => Math.cos(i)),
    [300, 90],
  );
  const results: Buffer[] = [];
  for (const threads of [1, 2, 3]) {
    const own = await createOnnxBackend({ threads });
    const run = compileFunction(own, body);
    const { data } = await (await run({ x, w })).y.read();
    results.push(Buffer.from(data.buffer));
    await run.dispose();
    await own.dispose();
  }
  expect(results.map((bytes) => bytes.equals(results[0] as Buffer))).toEqual([true, true, true]);
});

it("another backend in the same process lives on when one is disposed", async () => {
  const other = await createOnnxBackend({ threads: 1 });
  await other.dispose();
  const run = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: mul(x, 2) }));
  expect([...(await (await run({ x: float32([1, 2], [2]) })).y.read()).data]).toEqual([2, 4]);
});
