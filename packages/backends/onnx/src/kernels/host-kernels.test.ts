import { afterAll, describe, expect, it } from "vitest";
import { createHeap, type Heap } from "../heap.js";
import { findTouched, unionOf } from "../touched.js";
import { createHostKernels } from "./host-kernels.js";
import type { AdamWArrays, AdamWScalars } from "./simd.js";

const scalars: AdamWScalars = {
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  learningRate: 0.01,
  stepSize: 0.02,
  denominatorScale: 1.5,
  gradientScale: 0.5,
};
const length = 400_003; // above the size that is shared out, and a multiple of nothing

type Fill = (index: number) => number;
const filled = (array: Float32Array, fill: Fill): Float32Array => {
  for (let i = 0; i < array.length; i++) array[i] = fill(i);
  return array;
};
const apart = (fill: Fill): Float32Array => filled(new Float32Array(new SharedArrayBuffer(length * 4)), fill);
const arrays = (make: (fill: Fill) => Float32Array): AdamWArrays => ({
  parameter: make(Math.sin),
  gradient: make((i) => Math.cos(i * 0.7)),
  first: make((i) => 0.1 * Math.sin(i * 1.1)),
  second: make((i) => Math.abs(Math.cos(i))),
});
const bytes = (array: Float32Array): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

const heap = createHeap(2048) as Heap; // 128 MiB
const onHeap = (fill: Fill): Float32Array => {
  const place = heap.allocate(length * 4);
  // A place of undefined would be 0, where other arrays lie.
  if (place === undefined) throw new RangeError("the heap of this test is full");
  return filled(new Float32Array(heap.buffer, place, length), fill);
};

let turn = 0;
const mixed = (fill: Fill): Float32Array => (turn++ % 2 === 0 ? onHeap : apart)(fill);

describe.each([
  ["arrays apart", apart],
  ["arrays on the heap", onHeap],
  ["every second array on the heap", mixed],
])("host kernels, %s", (_, make) => {
  const teams = [0, 1, 2].map((helpers) => createHostKernels(helpers, heap));
  afterAll(() => Promise.all(teams.map((team) => team.dispose())));

  it("give the same AdamW step, bit for bit, whatever the number of threads", async () => {
    const before = arrays(apart);
    const expected = arrays(apart);
    await createHostKernels(0).adamW(expected, scalars);
    expect(expected.parameter[length - 1]).not.toBe(before.parameter[length - 1]);
    const actual = arrays(make);
    // The place before and after must not be touched.
    const guard = heap.allocate(64) as number;
    new Uint8Array(heap.buffer, guard, 64).fill(77);
    for (const team of teams) {
      for (const key of ["parameter", "gradient", "first", "second"] as const) actual[key].set(before[key]);
      await team.adamW(actual, scalars);
      for (const key of ["parameter", "gradient", "first", "second"] as const) {
        expect(Buffer.compare(bytes(actual[key]), bytes(expected[key])), key).toBe(0);
      }
    }
    expect(new Uint8Array(heap.buffer, guard, 64).every((byte) => byte === 77)).toBe(true);
  });

  it("give the same sum of squares, bit for bit, whatever the number of threads", async () => {
    const wave: Fill = (i) => Math.sin(i) * 100;
    const values = make(wave);
    let exact = 0;
    for (const value of values) exact += value * value;
    const sums = await Promise.all(teams.map((team) => team.sumSquares(values)));
    expect(new Set([...sums, await createHostKernels(0).sumSquares(apart(wave))]).size).toBe(1);
    expect(Math.abs((sums[0] as number) / exact - 1)).toBeLessThan(1e-12); // 400,003 roundings of 1.1e-16, mostly cancelling
  });

  it("give the same for work begun at once as for one after the other", async () => {
    const lengths = [400_003, 5, 131_073, 200_000];
    const parts = (all: AdamWArrays, size: number): AdamWArrays => ({
      parameter: all.parameter.subarray(0, size),
      gradient: all.gradient.subarray(0, size),
      first: all.first.subarray(0, size),
      second: all.second.subarray(0, size),
    });
    const expected = lengths.map((size) => parts(arrays(apart), size));
    const alone = createHostKernels(0);
    for (const each of expected) await alone.adamW(each, scalars);
    const sums: number[] = [];
    for (const { first } of expected) sums.push(await alone.sumSquares(first));
    const actual = lengths.map((size) => parts(arrays(make), size));
    for (const team of teams) {
      for (const [at, { parameter, first, second }] of lengths
        .map((size) => parts(arrays(apart), size))
        .entries()) {
        actual[at]!.parameter.set(parameter);
        actual[at]!.first.set(first);
        actual[at]!.second.set(second);
      }
      await Promise.all(actual.map((each) => team.adamW(each, scalars)));
      expect(await Promise.all(actual.map(({ first }) => team.sumSquares(first)))).toEqual(sums);
      for (const [at, each] of actual.entries())
        for (const key of ["parameter", "first", "second"] as const)
          expect(Buffer.compare(bytes(each[key]), bytes(expected[at]![key])), `${key} ${at}`).toBe(0);
    }
  });

  it("give the same where zeros are known, and passed over", async () => {
    const some =
      (fill: Fill): Fill =>
      (i) =>
        i % 9001 < 300 ? fill(i) : 0;
    const sparse = (from: typeof make): AdamWArrays => ({
      parameter: from(Math.sin),
      gradient: from(some((i) => Math.cos(i * 0.7))),
      first: from(some((i) => Math.sin(i + 300))),
      second: from((i) => (i === length - 1 ? 1 : 0)),
    });
    const expected = sparse(apart);
    const total = await createHostKernels(0).sumSquares(expected.gradient);
    await createHostKernels(0).adamW(expected, { ...scalars, weightDecay: 0 });
    const actual = sparse(make);
    const { gradient, first, second } = sparse(apart);
    const touched = unionOf(findTouched(gradient), findTouched(first), findTouched(second));
    expect(touched.filter((mark) => mark === 1).length).toBeLessThan(touched.length / 10);
    for (const team of teams) {
      for (const [key, values] of Object.entries(sparse(apart))) actual[key as keyof AdamWArrays].set(values);
      expect(await team.sumSquares(actual.gradient, touched)).toBe(total);
      await team.adamW(actual, { ...scalars, weightDecay: 0 }, touched);
      for (const key of ["parameter", "first", "second"] as const)
        expect(Buffer.compare(bytes(actual[key]), bytes(expected[key])), key).toBe(0);
    }
  });

  it("add rows where their ids say, those of equal ids in turn", () => {
    for (const width of [1, 7, 8]) {
      const base = make((i) => i);
      teams[0]?.addRows(base.subarray(0, 5 * width), [3, 0, 3], make((i) => i + 0.5).subarray(0, 3 * width));
      for (let i = 0; i < width; i++) {
        // Row 0 got row 1 of the rows, row 3 got rows 0 and 2; row 4 got none.
        expect(base[i]).toBe(i + (width + i + 0.5));
        expect(base[3 * width + i]).toBe(3 * width + i + (i + 0.5) + (2 * width + i + 0.5));
        expect(base[4 * width + i]).toBe(4 * width + i);
      }
    }
  });

  it("work on memory that is not shared, and on nothing", async () => {
    expect(await teams[1]?.sumSquares(new Float32Array([3, 4]))).toBe(25);
    expect(await teams[1]?.sumSquares(new Float32Array(0))).toBe(0);
  });
});
