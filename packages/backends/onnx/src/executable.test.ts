import {
  add,
  type Backend,
  compileFunction,
  float32,
  int32,
  matMul,
  mul,
  type Tensor,
  takeRows,
  updateSlice,
} from "@alignkit/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOnnxBackend } from "./backend.js";
import type { Value } from "./tensor-memory.js";

let backend: Backend;
beforeAll(async () => {
  backend = await createOnnxBackend({ threads: 1 });
});
afterAll(() => backend.dispose());

type Cache = { cache: Tensor; row: Tensor; start: Tensor };
const write = ({ cache, row, start }: Cache) => ({ cache: updateSlice(cache, row, start, 0) });
const row = float32([7, 8], [1, 2]);
const at = (position: number) => int32([position], []);
const zeros = () => backend.upload(float32(new Float32Array(6), [3, 2])) as Promise<Value>;

describe("donated inputs", () => {
  it("are overwritten in place, so that no memory moves", async () => {
    const run = compileFunction(backend, write, { donate: ["cache"] });
    const cache = await zeros();
    const memory = cache.array().buffer;
    const result = await run({ cache, row, start: at(1) });
    expect((result.cache as Value).array().buffer).toBe(memory);
    expect([...(await result.cache.read()).data]).toEqual([0, 0, 7, 8, 0, 0]);
    await expect(cache.read()).rejects.toThrow("disposed or donated");
  });

  it("are copied when another tensor stands on the same memory", async () => {
    const run = compileFunction(backend, write, { donate: ["cache"] });
    const cache = await zeros();
    const other = cache.share();
    const result = await run({ cache, row, start: at(0) });
    expect([...(await other.read()).data]).toEqual([0, 0, 0, 0, 0, 0]);
    expect([...(await result.cache.read()).data]).toEqual([7, 8, 0, 0, 0, 0]);
  });

  it("are written through a chain of host kernels without a copy", async () => {
    const twice = ({ cache, row: update, start }: Cache) => ({
      cache: updateSlice(updateSlice(cache, update, start, 0), update, add(start, 1), 0),
    });
    const run = compileFunction(backend, twice, { donate: ["cache"] });
    const cache = await zeros();
    const memory = cache.array().buffer;
    const result = await run({ cache, row, start: at(1) });
    expect((result.cache as Value).array().buffer).toBe(memory);
    expect([...(await result.cache.read()).data]).toEqual([0, 0, 7, 8, 7, 8]);
  });

  it("give some of their rows the front of their memory, which is whole again afterwards", async () => {
    const keep = ({ table, ids }: { table: Tensor; ids: Tensor }) => ({ rows: takeRows(table, ids) });
    const run = compileFunction(backend, keep, {
      donate: ["table"],
      dynamic: { table: ["n", null], ids: ["m"] },
    });
    const table = () => backend.upload(float32([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]));
    const take = async (ids: readonly number[]) => {
      const given = (await table()) as Value;
      const { byteOffset, buffer } = given.array();
      const rows = (await run({ table: given, ids: int32(ids, [ids.length]) })).rows as Value;
      const own = rows.array();
      const stays = own.buffer === buffer && own.byteOffset === byteOffset;
      const values = [...own];
      rows.dispose();
      const next = ((await table()) as Value).array();
      return { values, stays, isGivenOutAgain: next.buffer === buffer && next.byteOffset === byteOffset };
    };
    const inPlace = { stays: true, isGivenOutAgain: true };
    expect(await take([0, 2, 3])).toEqual({ values: [1, 2, 5, 6, 7, 8], ...inPlace });
    expect(await take([1, 1])).toEqual({ values: [3, 4, 3, 4], ...inPlace });
    // Here row 1 would be read after row 0 has been written over it, and there are more rows than there were.
    expect(await take([1, 0])).toMatchObject({ values: [3, 4, 1, 2], stays: false });
    expect(await take([3, 3, 2, 1, 0])).toMatchObject({
      values: [7, 8, 7, 8, 5, 6, 3, 4, 1, 2],
      stays: false,
    });
  });

  it("keep their memory where only some rows are wanted and another tensor stands on it", async () => {
    const run = compileFunction(
      backend,
      ({ table, ids }: { table: Tensor; ids: Tensor }) => ({ rows: takeRows(table, ids) }),
      { donate: ["table"] },
    );
    const table = (await backend.upload(float32([1, 2, 3], [3]))) as Value;
    const other = table.share();
    const { rows } = await run({ table, ids: int32([1, 2], [2]) });
    expect([...(await rows.read()).data]).toEqual([2, 3]);
    expect([...(await other.read()).data]).toEqual([1, 2, 3]);
  });

  it("are not overwritten when the same tensor is given twice", async () => {
    const both = ({ a, b, start }: { a: Tensor; b: Tensor; start: Tensor }) => ({
      written: updateSlice(a, mul(b, 0), start, 0),
      kept: mul(b, 2),
    });
    const run = compileFunction(backend, both, { donate: ["a"] });
    const tensor = await backend.upload(float32([1, 2], [1, 2]));
    const result = await run({ a: tensor, b: tensor, start: at(0) });
    expect([...(await result.written.read()).data]).toEqual([0, 0]);
    expect([...(await result.kept.read()).data]).toEqual([2, 4]);
  });
});

describe("results", () => {
  it("that are inputs, or stand twice, can be disposed on their own", async () => {
    const run = compileFunction(backend, ({ x }: { x: Tensor }) => {
      const y = mul(x, 3);
      return { x, first: y, second: y };
    });
    const x = await backend.upload(float32([1, 2], [2]));
    const result = await run({ x });
    x.dispose();
    result.first.dispose();
    expect([...(await result.x.read()).data]).toEqual([1, 2]);
    expect([...(await result.second.read()).data]).toEqual([3, 6]);
  });
});

describe("tall products", () => {
  it("are written in parts that make up the whole", async () => {
    const [rows, columns] = [16_389, 1_025]; // 16.8 million entries, above the limit, and no multiple of a part
    const body = ({ a, b }: { a: Tensor; b: Tensor }) => ({ c: matMul(a, b, { transposeA: true }) });
    const a = Float32Array.from({ length: 2 * rows }, (_, i) => Math.sin(i));
    const b = Float32Array.from({ length: 2 * columns }, (_, i) => Math.cos(i));
    const product = compileFunction(backend, body);
    const { data } = await (
      await product({ a: float32(a, [2, rows]), b: float32(b, [2, columns]) })
    ).c.read();
    for (const row of [0, 2_047, 2_048, 9_999, rows - 1]) {
      for (const column of [0, 511, columns - 1]) {
        const expected =
          (a[row] as number) * (b[column] as number) +
          (a[rows + row] as number) * (b[columns + column] as number);
        expect(Math.abs((data[row * columns + column] as number) - expected)).toBeLessThan(1e-6);
      }
    }
  });

  it("are added to a sum of earlier ones", async () => {
    const body = ({ a, b, sum }: { a: Tensor; b: Tensor; sum: Tensor }) => ({
      sum: add(sum, matMul(a, b, { transposeA: true })),
    });
    const run = compileFunction(backend, body, { donate: ["sum"] });
    const inputs = { a: float32([1, 2, 3, 4], [2, 2]), b: float32([5, 6], [2, 1]) };
    // [1 3; 2 4] [5 6]^T = [23 34]^T
    const result = await run({ ...inputs, sum: float32([100, 200], [2, 1]) });
    expect([...(await result.sum.read()).data]).toEqual([123, 234]);
  });
});

describe("refusals", () => {
  it("name the op, the id and its place", async () => {
    const run = compileFunction(backend, ({ x, ids }: { x: Tensor; ids: Tensor }) => ({
      y: takeRows(x, ids),
    }));
    const x = float32([1, 2, 3, 4], [2, 2]);
    await expect(run({ x, ids: int32([0, -1], [2]) })).rejects.toThrow(
      "takeRows: id -1 at position 1 is outside 0..1",
    );
  });

  it("name a tensor of another backend", async () => {
    const other = await createOnnxBackend({ threads: 1 });
    const stranger = {
      type: { dtype: "float32", shape: [2] },
      read: async () => float32([1, 2], [2]),
      dispose() {},
    } as const;
    const run = compileFunction(backend, ({ x }: { x: Tensor }) => ({ y: mul(x, 2) }));
    await expect(run({ x: stranger })).rejects.toThrow("onnx: a tensor of another backend was given");
    await other.dispose();
  });

  it("name sizes that do not go together", async () => {
    const run = compileFunction(backend, ({ a, b }: { a: Tensor; b: Tensor }) => ({ y: add(a, b) }), {
      dynamic: { a: ["n"], b: ["n"] },
    });
    await expect(run({ a: float32([1, 2], [2]), b: float32([1], [1]) })).rejects.toThrow(
      "input 1 (b) is float32[1]; beside the other inputs it must be float32[2]",
    );
  });
});
