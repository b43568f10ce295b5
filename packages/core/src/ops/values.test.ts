import { describe, expect, it } from "vitest";
import {
  abs,
  add,
  and,
  argMax,
  attention,
  bool,
  cast,
  collectRows,
  compileFunction,
  concat,
  cos,
  div,
  equal,
  erf,
  exp,
  fill,
  float32,
  gelu,
  type HostTensor,
  int32,
  iota,
  layerNorm,
  less,
  lessEqual,
  linear,
  linearTokenLogProbs,
  log,
  logSigmoid,
  logSoftmax,
  matMul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  not,
  or,
  pad,
  referenceBackend,
  reshape,
  rmsNorm,
  rotary,
  scatterAddRows,
  scatterAlongLast,
  select,
  sigmoid,
  silu,
  sin,
  slice,
  softmax,
  spreadRows,
  sqrt,
  sub,
  sum,
  sumSquares,
  type Tensor,
  takeAlongLast,
  takeRows,
  tanh,
  transpose,
  updateSlice,
} from "../index.js";

// What the reference computes is the specification, so it is held against numbers worked out by hand.

const backend = referenceBackend({ precision: "float64" });

async function valuesOf(body: (...inputs: Tensor[]) => Tensor, ...inputs: HostTensor[]): Promise<number[]> {
  const run = compileFunction(backend, ({ x }: { x: readonly Tensor[] }) => ({ y: body(...x) }));
  return [...(await (await run({ x: inputs })).y.read()).data];
}

/** Whole numbers, as a float32 tensor. */
const grid = (shape: number[], start = 1): HostTensor =>
  float32(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => start + i),
    shape,
  );
const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 9));

describe("elementwise", () => {
  const x = float32([-2, 0, 0.5], [3]);
  it.each([
    ["neg", neg, [2, -0, -0.5]],
    ["abs", abs, [2, 0, 0.5]],
    ["exp", exp, [Math.exp(-2), 1, Math.exp(0.5)]],
    ["tanh", tanh, [Math.tanh(-2), 0, Math.tanh(0.5)]],
    ["sin", sin, [Math.sin(-2), 0, Math.sin(0.5)]],
    ["cos", cos, [Math.cos(-2), 1, Math.cos(0.5)]],
    // 1 / (1 + e^2) = 0.11920292202211755; 1 / (1 + e^-0.5) = 0.6224593312018546
    ["sigmoid", sigmoid, [0.11920292202211755, 0.5, 0.6224593312018546]],
    // Abramowitz and Stegun, table 7.1: erf 0.5 = 0.5204998778, erf 2 = 0.9953222650
    ["erf", erf, [-0.995322265018953, 0, 0.520499877813047]],
    // 0.5 * 0.6224593312018546
    ["silu", silu, [-2 * 0.11920292202211755, 0, 0.3112296656009273]],
    // x Phi(x): Phi(0.5) = 0.6914624612740131, Phi(-2) = 0.022750131948179195
    ["gelu, exact", (t: Tensor) => gelu(t, "none"), [-0.04550026389635839, 0, 0.34573123063700656]],
    // 0.25 (1 + tanh(0.7978845608 (0.5 + 0.044715 / 8)))
    ["gelu, tanh", (t: Tensor) => gelu(t, "tanh"), [-0.04540230591222494, 0, 0.34571400982514394]],
    // -log(1 + e^2), -log 2, -log(1 + e^-0.5)
    ["logSigmoid", logSigmoid, [-2.1269280110429727, -Math.LN2, -0.47407698418010669]],
  ] as const)("%s", async (_, op, expected) => expect(await valuesOf(op, x)).toEqual(near(expected)));

  it("log and sqrt", async () => {
    expect(await valuesOf(log, float32([1, 2], [2]))).toEqual(near([0, Math.LN2]));
    expect(await valuesOf(sqrt, float32([4, 2], [2]))).toEqual(near([2, Math.SQRT2]));
  });

  it("of two operands", async () => {
    const [a, b] = [float32([1, 5, 3], [3]), float32([2, 4, 3], [3])];
    expect(await valuesOf(add, a, b)).toEqual([3, 9, 6]);
    expect(await valuesOf(sub, a, b)).toEqual([-1, 1, 0]);
    expect(await valuesOf(mul, a, b)).toEqual([2, 20, 9]);
    expect(await valuesOf(div, a, b)).toEqual([0.5, 1.25, 1]);
    expect(await valuesOf(maximum, a, b)).toEqual([2, 5, 3]);
    expect(await valuesOf(minimum, a, b)).toEqual([1, 4, 3]);
    expect(await valuesOf(equal, a, b)).toEqual([0, 0, 1]);
    expect(await valuesOf(less, a, b)).toEqual([1, 0, 0]);
    expect(await valuesOf(lessEqual, a, b)).toEqual([1, 0, 1]);
  });

  it("of truth values", async () => {
    const [a, b] = [bool([true, true, false], [3]), bool([true, false, false], [3])];
    expect(await valuesOf(and, a, b)).toEqual([1, 0, 0]);
    expect(await valuesOf(or, a, b)).toEqual([1, 1, 0]);
    expect(await valuesOf(not, a)).toEqual([0, 0, 1]);
    expect(
      await valuesOf((c, x, y) => select(c, x, y), a, float32([1, 2, 3], [3]), float32([7, 8, 9], [3])),
    ).toEqual([1, 2, 9]);
  });

  it("cast cuts towards zero", async () =>
    expect(await valuesOf((x) => cast(x, "int32"), float32([-1.7, 1.7], [2]))).toEqual([-1, 1]));
  it("broadcasts as NumPy", async () =>
    expect(await valuesOf(add, grid([2, 1]), grid([3], 10))).toEqual([11, 12, 13, 12, 13, 14]));
});

describe("reductions", () => {
  it("sum, max, mean along an axis", async () => {
    expect(await valuesOf((x) => sum(x, 0), grid([2, 3]))).toEqual([5, 7, 9]);
    expect(await valuesOf((x) => sum(x, 1), grid([2, 3]))).toEqual([6, 15]);
    expect(await valuesOf((x) => max(x, -1), grid([2, 3]))).toEqual([3, 6]);
    expect(await valuesOf((x) => mean(x), grid([2, 3]))).toEqual([3.5]);
    expect(await valuesOf(sumSquares, grid([3]))).toEqual([14]);
  });
  it("argMax takes the first of ties", async () =>
    expect(await valuesOf(argMax, float32([1, 3, 3, 0, 0, 0], [2, 3]))).toEqual([1, 0]));
});

describe("movement", () => {
  it("reshape, transpose", async () => {
    expect(await valuesOf((x) => reshape(x, [3, 2]), grid([2, 3]))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await valuesOf((x) => transpose(x, [1, 0]), grid([2, 3]))).toEqual([1, 4, 2, 5, 3, 6]);
    expect(await valuesOf((x) => transpose(x, [2, 0, 1]), grid([1, 2, 2]))).toEqual([1, 3, 2, 4]);
  });
  it("slice, pad, concat", async () => {
    expect(await valuesOf((x) => slice(x, 1, 1, 3), grid([2, 3]))).toEqual([2, 3, 5, 6]);
    expect(await valuesOf((x) => pad(x, [1, 0], [0, 1]), grid([1, 2]))).toEqual([0, 0, 0, 1, 2, 0]);
    expect(await valuesOf((a, b) => concat([a, b], 1), grid([2, 1]), grid([2, 2], 5))).toEqual([
      1, 5, 6, 2, 7, 8,
    ]);
  });
  it("iota and fill", async () => {
    expect(await valuesOf(() => iota([2, 3], 1))).toEqual([0, 1, 2, 0, 1, 2]);
    expect(await valuesOf(() => iota([2, 3], 0))).toEqual([0, 0, 0, 1, 1, 1]);
    expect(await valuesOf(() => fill(7, [2]))).toEqual([7, 7]);
  });
});

describe("products and indices", () => {
  it("spreadRows and collectRows, with a place that is nobody's", async () => {
    // Rows [1,2] and [3,4] at the places 0 and 2 of 3.
    const [ids, places] = [int32([0, 0, 1], [3]), int32([0, 2], [2])];
    expect(await valuesOf(spreadRows, grid([2, 2]), ids, places)).toEqual([1, 2, 1, 2, 3, 4]);
    expect(await valuesOf(collectRows, grid([3, 2]), places, ids)).toEqual([1, 2, 5, 6]);
  });
  it("matMul, as it is and with stored transposes", async () => {
    // [[1,2],[3,4]] x [[5,6],[7,8]]
    const product = [19, 22, 43, 50];
    expect(await valuesOf((a, b) => matMul(a, b), grid([2, 2]), grid([2, 2], 5))).toEqual(product);
    expect(
      await valuesOf(
        (a, b) => matMul(a, b, { transposeA: true }),
        float32([1, 3, 2, 4], [2, 2]),
        grid([2, 2], 5),
      ),
    ).toEqual(product);
    expect(
      await valuesOf(
        (a, b) => matMul(a, b, { transposeB: true }),
        grid([2, 2]),
        float32([5, 7, 6, 8], [2, 2]),
      ),
    ).toEqual(product);
    expect(
      await valuesOf(
        (x, w, b) => linear(x, w, b),
        grid([1, 2]),
        float32([5, 7, 6, 8], [2, 2]),
        float32([100, 200], [2]),
      ),
    ).toEqual([119, 222]);
  });
  it("takeRows, scatterAddRows", async () => {
    expect(await valuesOf(takeRows, grid([3, 2]), int32([2, 0, 2], [3]))).toEqual([5, 6, 1, 2, 5, 6]);
    expect(await valuesOf(scatterAddRows, grid([2, 2]), int32([1, 1], [2]), grid([2, 2], 10))).toEqual([
      1,
      2,
      3 + 10 + 12,
      4 + 11 + 13,
    ]);
  });
  it("takeAlongLast, scatterAlongLast, updateSlice", async () => {
    expect(await valuesOf(takeAlongLast, grid([2, 3]), int32([2, 0], [2]))).toEqual([3, 4]);
    expect(await valuesOf((x, ids) => scatterAlongLast(x, ids, 3), grid([2]), int32([2, 0], [2]))).toEqual([
      0, 0, 1, 2, 0, 0,
    ]);
    expect(
      await valuesOf((b, u, s) => updateSlice(b, u, s, 0), grid([3]), grid([1], 9), int32([1], [])),
    ).toEqual([1, 9, 3]);
  });
  it("an id outside the table is named", async () => {
    await expect(
      valuesOf(takeRows, grid([3, 2]), int32([0, 3], [2])),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[BackendError: takeRows: id 3 at position 1 is outside 0..2]`,
    );
  });
});

describe("composites", () => {
  it("softmax and logSoftmax", async () => {
    // e^0 : e^log 3 = 1 : 3
    const x = float32([0, Math.log(3)], [2]);
    expect(await valuesOf(softmax, x)).toEqual([expect.closeTo(0.25, 7), expect.closeTo(0.75, 7)]);
    expect(await valuesOf(logSoftmax, x)).toEqual([
      expect.closeTo(Math.log(0.25), 7),
      expect.closeTo(Math.log(0.75), 7),
    ]);
    expect(await valuesOf(softmax, float32([1000, 1000], [2]))).toEqual([0.5, 0.5]);
  });
  it("layerNorm and rmsNorm", async () => {
    // Mean 2, population variance 1; root mean square sqrt 5.
    expect(
      await valuesOf(
        (x, w, b) => layerNorm(x, w, b, 0),
        float32([1, 3], [1, 2]),
        float32([10, 10], [2]),
        float32([5, 5], [2]),
      ),
    ).toEqual([-5, 15]);
    expect(
      await valuesOf((x, w) => rmsNorm(x, w, 0), float32([1, 3], [1, 2]), float32([10, 10], [2])),
    ).toEqual(near([10 / Math.sqrt(5), 30 / Math.sqrt(5)]));
  });
  it("rotary turns halves against each other", async () => {
    // A quarter turn: (x1, x2) becomes (-x2, x1).
    expect(
      await valuesOf(
        (x, c, s) => rotary(x, c, s),
        float32([3, 4], [1, 1, 1, 2]),
        float32([0, 0], [1, 1, 1, 2]),
        float32([1, 1], [1, 1, 1, 2]),
      ),
    ).toEqual([-4, 3]);
  });
  it("attention weighs values by the softmax of scaled scores", async () => {
    // Scores log 3 / 2 * 2 and 0: weights 3/4 and 1/4.
    const [q, k, v] = [
      float32([Math.log(3)], [1, 1, 1, 1]),
      float32([2, 0], [1, 1, 2, 1]),
      float32([8, 4], [1, 1, 2, 1]),
    ];
    expect(await valuesOf((a, b, c) => attention(a, b, c, undefined, 0.5), q, k, v)).toEqual([
      expect.closeTo(7, 6),
    ]);
    const mask = float32([-1e30, 0], [1, 1, 1, 2]);
    expect(await valuesOf((a, b, c, m) => attention(a, b, c, m, 0.5), q, k, v, mask)).toEqual([4]);
  });
  it("linearTokenLogProbs gives log-probability and entropy", async () => {
    // Logits 0 and log 3: P = 1/4, 3/4; H = log 4 - 3/4 log 3.
    const inputs = [float32([1], [1, 1]), float32([0, Math.log(3)], [2, 1]), int32([1], [1])];
    expect(await valuesOf((x, w, t) => linearTokenLogProbs(x, w, t).logProbs, ...inputs)).toEqual([
      expect.closeTo(Math.log(0.75), 7),
    ]);
    expect(await valuesOf((x, w, t) => linearTokenLogProbs(x, w, t).entropy, ...inputs)).toEqual([
      expect.closeTo(Math.log(4) - 0.75 * Math.log(3), 7),
    ]);
  });
});

it("says which shapes do not fit, and why", async () => {
  const message = (body: (...inputs: Tensor[]) => Tensor, ...inputs: HostTensor[]) =>
    valuesOf(body, ...inputs).then(
      () => "no error",
      (error: Error) => `${error.name}: ${error.message}`,
    );
  expect([
    await message(add, grid([2, 3]), grid([4])),
    await message((a, b) => matMul(a, b), grid([2, 3]), grid([4, 5])),
    await message((x, w) => linear(x, w), grid([2, 3]), grid([4, 5])),
    await message((x) => reshape(x, [4, 2]), grid([2, 3])),
    await message((q, k) => attention(q, k, k, undefined, 1), grid([1, 3, 2, 2]), grid([1, 2, 2, 2])),
    await message(add, grid([2]), int32([1, 2], [2])),
  ]).toMatchInlineSnapshot(`
    [
      "ShapeMismatchError: add: shapes [2,3] and [4] do not broadcast",
      "ShapeMismatchError: matMul: float32[2,3], float32[4,5] do not fit: inner sizes 3 and 4 differ",
      "ShapeMismatchError: linear: float32[2,3], float32[4,5] do not fit: the weight takes width 5, x has 3",
      "ShapeMismatchError: reshape: float32[2,3] do not fit: 6 elements do not fill [4,2]",
      "ShapeMismatchError: attention: float32[1,3,2,2], float32[1,2,2,2], float32[1,2,2,2] do not fit: q [B, H, T, Dh], k and v [B, G, S, Dh] with H a multiple of G",
      "ShapeMismatchError: add: float32[2], int32[2] do not fit: operands must both be float32 or int32",
    ]
  `);
});
