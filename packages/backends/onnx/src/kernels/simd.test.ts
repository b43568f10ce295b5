import { describe, expect, it } from "vitest";
import { type AdamWArrays, type AdamWScalars, createSimdKernels, keepsZeros } from "./simd.js";

const round = Math.fround;

const kernelsOf = (piece: number) =>
  createSimdKernels({
    memory: new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true }),
    scratch: 64,
    piece,
  });
const apart = { parameter: false, gradient: false, first: false, second: false };

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

function arrays(length: number): AdamWArrays {
  const wave = (scale: number, phase: number) =>
    Float32Array.from({ length }, (_, i) => scale * Math.sin(i * 0.7 + phase));
  return {
    parameter: wave(1, 0),
    gradient: wave(3, 1),
    first: wave(0.1, 2),
    second: wave(0.3, 3).map(Math.abs),
  };
}

/** The formula, one float at a time, each operation rounded to float32. */
function plainAdamW({ parameter, gradient, first, second }: AdamWArrays, s: AdamWScalars): void {
  const decay = round(round(s.learningRate) * round(s.weightDecay));
  for (let i = 0; i < parameter.length; i++) {
    const g = round((gradient[i] as number) * round(s.gradientScale));
    const m = round(round((first[i] as number) * round(s.beta1)) + round(g * round(1 - s.beta1)));
    const v = round(round((second[i] as number) * round(s.beta2)) + round(round(g * g) * round(1 - s.beta2)));
    const denominator = round(round(round(Math.sqrt(v)) * round(s.denominatorScale)) + round(s.epsilon));
    const lost = decay === 0 ? 0 : round((parameter[i] as number) * decay);
    const decayed = round((parameter[i] as number) - lost);
    parameter[i] = round(decayed - round(round(m / denominator) * round(s.stepSize)));
    first[i] = m;
    second[i] = v;
  }
}

describe("adamW", () => {
  it.each([1, 3, 4, 5, 64, 67, 1000])(
    "equals the formula bit for bit, whatever the piece, at length %i",
    (length) => {
      const expected = arrays(length);
      plainAdamW(expected, scalars);
      for (const piece of [8, 64, 8192]) {
        const actual = arrays(length);
        kernelsOf(piece).adamW(actual, scalars, apart);
        expect(actual).toEqual(expected);
      }
    },
  );
});

describe("adamW where gradient and moments are 0", () => {
  const length = 256 * 12 + 5; // the kernel looks at 256 floats at once
  /** By block: what is not 0 in it. */
  const blocks: readonly (Partial<Record<keyof AdamWArrays, number>> & { readonly at?: number })[] = [
    {},
    { gradient: -0 },
    { gradient: 1e-45, at: 255 },
    { gradient: Number.NaN, at: 100 },
    {},
    { first: 0.5, at: 255 },
    { first: -0 },
    { second: 0.5, at: 255 },
    { gradient: Number.POSITIVE_INFINITY, at: 17 },
    { gradient: -2, first: 1, second: 1 },
    {},
    {},
    {},
  ];
  const sparse = (): AdamWArrays => {
    const all = {
      parameter: arrays(length).parameter,
      gradient: new Float32Array(length),
      first: new Float32Array(length),
      second: new Float32Array(length),
    };
    all.parameter.set([Number.NaN, Number.POSITIVE_INFINITY, -0], 300); // where gradients may be -0
    for (const [block, { at = 0, ...values }] of blocks.entries())
      for (const [name, value] of Object.entries(values))
        all[name as keyof AdamWArrays][256 * block + at] = value;
    return all;
  };

  it.each([
    ["no decay", { weightDecay: 0 }],
    ["decay", {}],
    ["an epsilon of 0", { epsilon: 0 }],
    ["an infinite scale of gradients", { gradientScale: Number.POSITIVE_INFINITY }],
    ["an infinite step", { stepSize: Number.POSITIVE_INFINITY }],
  ])("equals the formula bit for bit, with %s", (_, change) => {
    const expected = sparse();
    plainAdamW(expected, { ...scalars, ...change });
    const actual = sparse();
    kernelsOf(8192).adamW(actual, { ...scalars, ...change }, apart);
    for (const name of ["parameter", "first", "second"] as const)
      for (const [place, value] of actual[name].entries())
        if (!Object.is(value, expected[name][place]))
          expect.fail(`${name}[${place}] is ${value}, not ${expected[name][place]}`);
  });
});

describe("zeros", () => {
  it.each([
    [{ weightDecay: 0 }, true],
    [{}, false],
    [{ weightDecay: 0, learningRate: Number.POSITIVE_INFINITY }, false],
    [{ weightDecay: 0, epsilon: 0 }, false],
    [{ weightDecay: 0, epsilon: 1e-60 }, false], // 0 as float32
    [{ weightDecay: 0, gradientScale: Number.POSITIVE_INFINITY }, false],
    [{ weightDecay: 0, stepSize: 1e39 }, false], // infinite as float32
    [{ weightDecay: 0, denominatorScale: Number.NaN }, false],
  ])("stay as they are with %j: %s", (change, expected) => {
    expect(keepsZeros({ ...scalars, ...change })).toBe(expected);
  });
});

describe("sumSquares", () => {
  it("is the same for every piece size, and right", () => {
    const values = Float32Array.from({ length: 1003 }, (_, i) => Math.sin(i) * 1e3);
    let exact = 0;
    for (const value of values) exact += value * value;
    const results = [8, 64, 8192].map((piece) => kernelsOf(piece).sumSquares(values, false));
    expect(new Set(results).size).toBe(1);
    expect(Math.abs((results[0] as number) / exact - 1)).toBeLessThan(1e-14); // 1003 roundings of 1.1e-16, mostly cancelling
  });

  it("ignores what an earlier, longer call left behind", () => {
    const kernels = kernelsOf(16);
    kernels.sumSquares(new Float32Array(16).fill(100), false);
    expect(kernels.sumSquares(new Float32Array([1, 2, 3]), false)).toBe(14); // 1 + 4 + 9
  });
});
