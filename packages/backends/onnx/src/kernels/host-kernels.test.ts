import { afterAll, describe, expect, it } from "vitest";
import { createHostKernels } from "./host-kernels.js";
import { type AdamWArrays, type AdamWScalars, createSimdKernels } from "./simd.js";

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

const shared = (fill: (index: number) => number): Float32Array => {
  const array = new Float32Array(new SharedArrayBuffer(length * 4));
  for (let i = 0; i < length; i++) array[i] = fill(i);
  return array;
};
const arrays = (): AdamWArrays => ({
  parameter: shared(Math.sin),
  gradient: shared((i) => Math.cos(i * 0.7)),
  first: shared((i) => 0.1 * Math.sin(i * 1.1)),
  second: shared((i) => Math.abs(Math.cos(i))),
});

describe("host kernels", () => {
  const teams = [0, 1, 2].map(createHostKernels);
  afterAll(() => Promise.all(teams.map((team) => team.dispose())));

  it("give the same AdamW step, bit for bit, whatever the number of threads", async () => {
    const expected = arrays();
    createSimdKernels().adamW(expected, scalars);
    expect(expected.parameter[length - 1]).not.toBe(arrays().parameter[length - 1]);
    for (const team of teams) {
      const actual = arrays();
      await team.adamW(actual, scalars);
      expect(Buffer.compare(bytes(actual.parameter), bytes(expected.parameter))).toBe(0);
      expect(Buffer.compare(bytes(actual.first), bytes(expected.first))).toBe(0);
      expect(Buffer.compare(bytes(actual.second), bytes(expected.second))).toBe(0);
    }
  });

  it("give the same sum of squares, bit for bit, whatever the number of threads", async () => {
    const values = shared((i) => Math.sin(i) * 100);
    let exact = 0;
    for (const value of values) exact += value * value;
    const sums = await Promise.all(teams.map((team) => team.sumSquares(values)));
    expect(new Set(sums).size).toBe(1);
    expect(Math.abs((sums[0] as number) / exact - 1)).toBeLessThan(1e-12); // 400,003 roundings of 1.1e-16, mostly cancelling
  });

  it("work on memory that is not shared, and on nothing", async () => {
    expect(await teams[1]?.sumSquares(new Float32Array([3, 4]))).toBe(25);
    expect(await teams[1]?.sumSquares(new Float32Array(0))).toBe(0);
  });
});

const bytes = (array: Float32Array): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
