import { checkpoint } from "../gradient.js";
import {
  abs,
  add,
  and,
  apply,
  argMax,
  attention,
  barrier,
  broadcast,
  cast,
  clamp,
  concat,
  constant,
  cos,
  div,
  equal,
  erf,
  exp,
  fill,
  gelu,
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
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  sumSquares,
  takeAlongLast,
  takeRows,
  tanh,
  transpose,
  updateSlice,
  zeros,
} from "../ops/build.js";
import type { Tensor } from "../tensor.js";
import { float32, int32 } from "../types.js";
import { type ConformanceCase, defineCase, flags, real, whole } from "./case.js";

// Sizes are small and unequal, so that exchanged axes fail.

const elementwiseCases: readonly ConformanceCase[] = [
  defineCase("neg", [real([3, 5])], (x) => neg(x)),
  defineCase("abs", [real([3, 5])], (x) => abs(x)),
  defineCase("exp", [real([3, 5], -4, 4)], (x) => exp(x)),
  defineCase("log", [real([3, 5], 0.1, 4)], (x) => log(x)),
  defineCase("sqrt", [real([3, 5], 0.1, 4)], (x) => sqrt(x)),
  defineCase("tanh", [real([3, 5], -3, 3)], (x) => tanh(x)),
  defineCase("sigmoid", [real([3, 5], -6, 6)], (x) => sigmoid(x)),
  defineCase("sigmoid, far out", [real([7], -90, 90)], (x) => sigmoid(x)),
  defineCase("erf", [real([3, 5], -3, 3)], (x) => erf(x)),
  defineCase("sin", [real([3, 5], -7, 7)], (x) => sin(x)),
  defineCase("cos", [real([3, 5], -7, 7)], (x) => cos(x)),
  defineCase("not", [flags([3, 5])], (x) => not(x), { gradient: false }),
  defineCase("cast float32 to int32 cuts towards zero", [real([3, 5], -4, 4)], (x) => cast(x, "int32"), {
    gradient: false,
  }),
  defineCase("cast int32 to float32", [whole([3, 5], -9, 9)], (x) => cast(x, "float32"), { gradient: false }),
  defineCase("cast bool to float32", [flags([3, 5])], (x) => cast(x, "float32"), { gradient: false }),
  defineCase("cast bool to int32", [flags([3, 5])], (x) => cast(x, "int32"), { gradient: false }),
  defineCase("cast float32 to bool", [whole([3, 5], -1, 2)], (x) => cast(cast(x, "float32"), "bool"), {
    gradient: false,
  }),
  defineCase("barrier", [real([3, 5]), real([2, 4])], (x, after) => barrier(mul(x, 2), after)),
  defineCase("barrier between integers", [whole([3], 0, 9), real([2, 4])], (x, after) => barrier(x, after), {
    gradient: false,
  }),

  defineCase("add", [real([3, 5]), real([3, 5])], (a, b) => add(a, b)),
  defineCase("add int32", [whole([3, 5], -9, 9), whole([3, 5], -9, 9)], (a, b) => add(a, b), {
    gradient: false,
  }),
  defineCase("sub", [real([3, 5]), real([3, 5])], (a, b) => sub(a, b)),
  defineCase("sub int32", [whole([4], -9, 9), whole([4], -9, 9)], (a, b) => sub(a, b), { gradient: false }),
  defineCase("mul", [real([3, 5]), real([3, 5])], (a, b) => mul(a, b)),
  defineCase("mul int32", [whole([4], -9, 9), whole([4], -9, 9)], (a, b) => mul(a, b), { gradient: false }),
  defineCase("div", [real([3, 5]), real([3, 5], 0.5, 2)], (a, b) => div(a, b)),
  defineCase("maximum", [real([3, 5]), real([3, 5])], (a, b) => maximum(a, b)),
  defineCase("maximum int32", [whole([9], -4, 4), whole([9], -4, 4)], (a, b) => maximum(a, b), {
    gradient: false,
  }),
  defineCase("minimum", [real([3, 5]), real([3, 5])], (a, b) => minimum(a, b)),
  defineCase("minimum int32", [whole([9], -4, 4), whole([9], -4, 4)], (a, b) => minimum(a, b), {
    gradient: false,
  }),
  defineCase("maximum and minimum at ties", [real([5])], (x) => [
    maximum(x, mul(x, 1)),
    minimum(x, mul(x, 1)),
  ]),
  defineCase(
    "equal",
    [whole([4, 6], 0, 2), whole([4, 6], 0, 2)],
    (a, b) => [equal(a, b), equal(cast(a, "float32"), cast(b, "float32"))],
    { gradient: false },
  ),
  defineCase(
    "less",
    [whole([4, 6], 0, 3), whole([4, 6], 0, 3)],
    (a, b) => [less(a, b), less(cast(a, "float32"), cast(b, "float32"))],
    { gradient: false },
  ),
  defineCase(
    "lessEqual",
    [whole([4, 6], 0, 3), whole([4, 6], 0, 3)],
    (a, b) => [lessEqual(a, b), lessEqual(cast(a, "float32"), cast(b, "float32"))],
    { gradient: false },
  ),
  defineCase("and", [flags([4, 6]), flags([4, 6])], (a, b) => and(a, b), { gradient: false }),
  defineCase("or", [flags([4, 6]), flags([4, 6])], (a, b) => or(a, b), { gradient: false }),
  defineCase("select", [flags([4, 6]), real([4, 6]), real([4, 6])], (c, a, b) => select(c, a, b)),
  defineCase(
    "select between integers",
    [flags([4, 6]), whole([4, 6], -5, 5), whole([4, 6], -5, 5)],
    (c, a, b) => select(c, a, b),
    { gradient: false },
  ),
  defineCase("numbers as operands, either side", [real([3, 5], 0.5, 2)], (x) => [
    sub(1, x),
    div(1, x),
    sub(x, 0.25),
    mul(x, -3),
    add(0.5, x),
  ]),
  defineCase("clamp", [real([4, 6])], (x) => clamp(x, -0.3, 0.4)),
  defineCase("logSigmoid, both ends", [real([9], -60, 60)], (x) => logSigmoid(x)),
];

const reductionCases: readonly ConformanceCase[] = [
  defineCase("sum over all", [real([3, 5, 2])], (x) => sum(x)),
  defineCase("sum over the first axis", [real([3, 5, 2])], (x) => sum(x, 0)),
  defineCase("sum over the middle axis, kept", [real([3, 5, 2])], (x) => sum(x, 1, true)),
  defineCase("sum over two axes", [real([3, 5, 2])], (x) => sum(x, [0, 2])),
  defineCase("sum int32", [whole([3, 5], -9, 9)], (x) => sum(x, 1), { gradient: false }),
  defineCase("max over the last axis", [real([3, 5])], (x) => max(x, -1, true)),
  defineCase("max over two axes", [real([3, 5, 2])], (x) => max(x, [0, 1])),
  defineCase("max int32", [whole([3, 5], -9, 9)], (x) => max(x, 0), { gradient: false }),
  defineCase("max at ties shares the gradient", [real([3, 2])], (x) => max(concat([x, x], 1), -1)),
  defineCase("mean", [real([3, 5, 2])], (x) => mean(x, 1)),
  defineCase("argMax", [real([4, 3, 7])], (x) => argMax(x), { gradient: false }),
  defineCase("argMax takes the first of ties", [whole([5, 6], 0, 3)], (x) => argMax(cast(x, "float32")), {
    gradient: false,
  }),
];

const movementCases: readonly ConformanceCase[] = [
  defineCase("constant", [real([2, 3])], (x) => mul(x, constant(float32([1, 2, 3, 4, 5, 6], [2, 3])))),
  defineCase("constant int32", [whole([3], 0, 5)], (x) => add(x, constant(int32([7, 8, 9], [3]))), {
    gradient: false,
  }),
  defineCase("fill", [real([2, 3])], (x) => [add(x, fill(0.75, [2, 3])), fill(3, [2, 2])]),
  defineCase("fill int32", [whole([2, 3], 0, 5)], (x) => add(x, fill(4, [2, 3], "int32")), {
    gradient: false,
  }),
  defineCase("iota", [whole([3, 4], 0, 5)], (x) => [add(x, iota([3, 4], 0)), add(x, iota([3, 4], 1))], {
    gradient: false,
  }),
  defineCase("reshape", [real([3, 4])], (x) => reshape(x, [2, -1, 3])),
  defineCase("reshape to and from a scalar", [real([1, 1])], (x) => reshape(mul(reshape(x, []), 2), [1])),
  defineCase("broadcastTo", [real([3, 1, 2])], (x) => broadcast(x, [3, 4, 2])),
  defineCase("broadcastTo int32", [whole([3, 1], 0, 9)], (x) => broadcast(x, [3, 4]), { gradient: false }),
  defineCase("broadcast a row into a product", [real([3, 4]), real([4])], (x, row) => mul(x, row)),
  defineCase("broadcast a column into a sum", [real([3, 4]), real([3, 1])], (x, column) => add(x, column)),
  defineCase("broadcast both ways", [real([3, 1]), real([1, 4])], (column, row) => sub(column, row)),
  defineCase("broadcast a scalar", [real([3, 4]), real([])], (x, scalar) => div(x, add(scalar, 3))),
  defineCase("transpose, two axes", [real([3, 4])], (x) => transpose(x, [1, 0])),
  defineCase("transpose, four axes", [real([2, 3, 4, 5])], (x) => transpose(x, [0, 2, 1, 3])),
  defineCase("transpose, a cycle", [real([2, 3, 4])], (x) => transpose(x, [2, 0, 1])),
  defineCase("slice", [real([4, 5, 3])], (x) => slice(slice(x, 0, 1, 3), 2, 0, 2)),
  defineCase("slice int32", [whole([4, 5], 0, 99)], (x) => slice(x, 1, 2, 5), { gradient: false }),
  defineCase("pad", [real([2, 3])], (x) => pad(x, [1, 0], [2, 3])),
  defineCase("concat", [real([2, 3]), real([2, 1]), real([2, 4])], (a, b, c) => concat([a, b, c], 1)),
  defineCase(
    "concat int32 over the first axis",
    [whole([2, 3], 0, 9), whole([1, 3], 0, 9)],
    (a, b) => concat([a, b], 0),
    { gradient: false },
  ),
];

const productCases: readonly ConformanceCase[] = [
  defineCase("matMul", [real([3, 4]), real([4, 5])], (a, b) => matMul(a, b)),
  defineCase("matMul, A transposed", [real([4, 3]), real([4, 5])], (a, b) =>
    matMul(a, b, { transposeA: true }),
  ),
  defineCase("matMul, B transposed", [real([3, 4]), real([5, 4])], (a, b) =>
    matMul(a, b, { transposeB: true }),
  ),
  defineCase("matMul, both transposed", [real([4, 3]), real([5, 4])], (a, b) =>
    matMul(a, b, { transposeA: true, transposeB: true }),
  ),
  defineCase("matMul in batches", [real([2, 6, 3, 4]), real([2, 6, 4, 5])], (a, b) => matMul(a, b)),
  defineCase("matMul in batches, B transposed", [real([2, 6, 3, 4]), real([2, 6, 5, 4])], (a, b) =>
    matMul(a, b, { transposeB: true }),
  ),
  defineCase("matMul in batches, A transposed", [real([6, 4, 3]), real([6, 4, 5])], (a, b) =>
    matMul(a, b, { transposeA: true }),
  ),
  defineCase("matMul in batches, both transposed", [real([6, 4, 3]), real([6, 5, 4])], (a, b) =>
    matMul(a, b, { transposeA: true, transposeB: true }),
  ),
  defineCase("matMul scaled", [real([2, 3, 4]), real([2, 5, 4])], (a, b) =>
    mul(matMul(a, b, { transposeB: true }), 0.125),
  ),
  defineCase("matMul plus a row", [real([3, 4]), real([4, 5]), real([5])], (a, b, row) =>
    add(matMul(a, b), row),
  ),
  defineCase("matMul of 37 x 129 x 65", [real([37, 129]), real([129, 65])], (a, b) => matMul(a, b), {
    absolute: 5e-5,
  }),
];

const indexCases: readonly ConformanceCase[] = [
  defineCase("takeRows", [real([7, 3]), whole([2, 4], 0, 7)], (table, ids) => takeRows(table, ids)),
  defineCase("takeRows of rank 3", [real([5, 2, 3]), whole([4], 0, 5)], (table, ids) => takeRows(table, ids)),
  defineCase("takeRows int32", [whole([7], 0, 99), whole([4], 0, 7)], (table, ids) => takeRows(table, ids), {
    gradient: false,
  }),
  defineCase(
    "takeRows twice from one table",
    [real([7, 3]), whole([4], 0, 7), whole([5], 0, 7)],
    (table, a, b) => [takeRows(table, a), takeRows(table, b)],
  ),
  defineCase("takeRows from a table that is also a head", [real([7, 3]), whole([4], 0, 7)], (table, ids) =>
    linear(takeRows(table, ids), table),
  ),
  defineCase(
    "scatterAddRows, repeated ids",
    [real([5, 3]), whole([11], 0, 5), real([11, 3])],
    (base, ids, rows) => scatterAddRows(base, ids, rows),
  ),
  defineCase("scatterAddRows, then used", [real([5, 3]), whole([4], 0, 5), real([4, 3])], (base, ids, rows) =>
    mul(scatterAddRows(base, ids, rows), 2),
  ),
  defineCase("takeAlongLast", [real([3, 4, 6]), whole([3, 4], 0, 6)], (x, ids) => takeAlongLast(x, ids)),
  defineCase("scatterAlongLast", [real([3, 4]), whole([3, 4], 0, 6)], (values, ids) =>
    scatterAlongLast(values, ids, 6),
  ),
  defineCase(
    "updateSlice",
    [real([2, 6, 3]), real([2, 2, 3]), whole([], 0, 5)],
    (base, update, start) => updateSlice(base, update, start, 1),
    { gradient: false },
  ),
  defineCase(
    "updateSlice, then used",
    [real([4, 3]), real([1, 3]), whole([], 0, 4)],
    (base, update, start) => [updateSlice(base, update, start, 0), mul(base, 2)],
    { gradient: false },
  ),
];

const compositeCases: readonly ConformanceCase[] = [
  defineCase("softmax", [real([3, 4, 7], -5, 5)], (x) => softmax(x)),
  defineCase("softmax with masked entries", [real([3, 7]), flags([3, 7])], (x, mask) =>
    softmax(select(mask, x, -1e30)),
  ),
  defineCase("logSoftmax", [real([3, 7], -5, 5)], (x) => logSoftmax(x)),
  defineCase(
    "layerNorm",
    [real([3, 4, 6]), real([6]), real([6])],
    (x, weight, bias) => layerNorm(x, weight, bias, 1e-5),
    { absolute: 3e-5 },
  ),
  defineCase("rmsNorm", [real([3, 4, 6]), real([6])], (x, weight) => rmsNorm(x, weight, 1e-5), {
    absolute: 3e-5,
  }),
  defineCase("gelu, tanh", [real([3, 7], -4, 4)], (x) => gelu(x, "tanh")),
  defineCase("gelu, exact", [real([3, 7], -4, 4)], (x) => gelu(x, "none")),
  defineCase("silu", [real([3, 7], -4, 4)], (x) => silu(x)),
  defineCase("rotary", [real([2, 3, 5, 4]), real([2, 1, 5, 2]), real([2, 1, 5, 2])], (x, a, b) =>
    rotary(x, stopGradient(concat([a, a], 3)), stopGradient(concat([b, b], 3))),
  ),
  defineCase("attention", [real([2, 3, 5, 4]), real([2, 3, 6, 4]), real([2, 3, 6, 4])], (q, k, v) =>
    attention(q, k, v, undefined, 0.5),
  ),
  defineCase(
    "attention with a mask",
    [real([2, 3, 5, 4]), real([2, 3, 6, 4]), real([2, 3, 6, 4]), flags([2, 1, 5, 6])],
    (q, k, v, mask) => attention(q, k, v, select(mask, fill(0, mask.shape), -1e30), 0.5),
  ),
  defineCase(
    "attention with one mask for all rows",
    [real([2, 4, 5, 4]), real([2, 4, 5, 4]), real([2, 4, 5, 4]), flags([1, 1, 5, 5])],
    (q, k, v, mask) => attention(q, k, v, select(mask, fill(0, mask.shape), -1e30), 0.5),
  ),
  defineCase(
    "attention with grouped queries",
    [real([2, 6, 5, 4]), real([2, 2, 7, 4]), real([2, 2, 7, 4]), flags([2, 1, 5, 7])],
    (q, k, v, mask) => attention(q, k, v, select(mask, fill(0, mask.shape), -1e30), 0.5),
  ),
  defineCase("linear as PyTorch stores it", [real([2, 3, 4]), real([5, 4]), real([5])], (x, weight, bias) =>
    linear(x, weight, bias),
  ),
  defineCase("linear as GPT-2 stores it", [real([2, 3, 4]), real([4, 5]), real([5])], (x, weight, bias) =>
    linear(x, weight, bias, false),
  ),
  defineCase("linear without bias", [real([3, 4]), real([5, 4])], (x, weight) => linear(x, weight)),
  defineCase(
    "linearTokenLogProbs",
    [real([6, 4]), real([9, 4]), whole([6], 0, 9)],
    (x, weight, targets) => linearTokenLogProbs(x, weight, targets).logProbs,
  ),
  defineCase(
    "linearTokenLogProbs with entropy",
    [real([6, 4]), real([9, 4]), whole([6], 0, 9)],
    (x, weight, targets) => {
      const { logProbs, entropy } = linearTokenLogProbs(x, weight, targets);
      return [logProbs, entropy];
    },
  ),
  defineCase("sumSquares", [real([3, 4])], (x) => sumSquares(x)),
  defineCase(
    "adamWUpdate",
    [real([3, 4]), real([3, 4]), real([3, 4], -0.1, 0.1), real([3, 4], 0, 0.1)],
    (p, g, m, v) => adamW(p, g, m, v, 0.1),
    { gradient: false },
  ),
  defineCase(
    "adamWUpdate without decay",
    [real([3, 4]), real([3, 4]), real([3, 4], -0.1, 0.1), real([3, 4], 0, 0.1)],
    (p, g, m, v) => adamW(p, g, m, v, 0),
    { gradient: false },
  ),
  defineCase(
    "adamWUpdate of an odd length",
    [real([12289]), real([12289]), real([12289], -0.1, 0.1), real([12289], 0, 0.1)],
    (p, g, m, v) => adamW(p, g, m, v, 0.1),
    { gradient: false },
  ),
  defineCase("checkpoint", [real([3, 4]), real([4, 4])], (x, weight) =>
    checkpoint((a, w) => [gelu(matMul(gelu(matMul(a, w as Tensor), "tanh"), w as Tensor), "tanh")])(
      x,
      weight,
    ),
  ),
  defineCase("stopGradient", [real([3, 4])], (x) => mul(stopGradient(square(x)), x)),
];

const graphCases: readonly ConformanceCase[] = [
  defineCase("an input returned as it is", [real([3, 4])], (x) => [x, mul(x, 2)]),
  defineCase("one result returned twice", [real([3, 4])], (x) => {
    const y = exp(x);
    return [y, y];
  }),
  defineCase("an input that nothing uses", [real([3, 4]), real([2])], (x) => mul(x, x)),
  defineCase("a constant output", [real([2])], (x) => [zeros([2, 3]), x]),
  defineCase("a long chain", [real([3])], (x) => {
    let y = x;
    for (let i = 0; i < 300; i++) y = add(mul(y, 0.99), 0.01);
    return y;
  }),
  defineCase(
    "one block of a decoder",
    [
      real([6, 8]),
      real([8]),
      real([8]),
      real([8, 24], -0.4, 0.4),
      real([8, 8], -0.4, 0.4),
      real([8, 32], -0.4, 0.4),
      real([32, 8], -0.4, 0.4),
    ],
    decoderBlock,
    { absolute: 5e-5, relative: 5e-5 },
  ),
];

/** Every op with every shape of use that has gone wrong somewhere. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...elementwiseCases,
  ...reductionCases,
  ...movementCases,
  ...productCases,
  ...indexCases,
  ...compositeCases,
  ...graphCases,
];

function adamW(p: Tensor, g: Tensor, m: Tensor, v: Tensor, weightDecay: number): readonly Tensor[] {
  const scalars = [0.01, 0.03, 1.5, 0.5].map((value) => fill(value, []));
  return apply("adamWUpdate", [p, g, m, v, ...scalars], {
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay,
  });
}

/** Two rows of three tokens, width 8, two heads. */
function decoderBlock(
  x: Tensor,
  scale: Tensor,
  shift: Tensor,
  qkv: Tensor,
  out: Tensor,
  up: Tensor,
  down: Tensor,
): Tensor {
  const heads = (part: Tensor) => transpose(reshape(part, [2, 3, 2, 4]), [0, 2, 1, 3]);
  const projected = linear(layerNorm(x, scale, shift, 1e-5), qkv, undefined, false);
  const [q, k, v] = [0, 8, 16].map((start) => heads(slice(projected, 1, start, start + 8))) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const future = less(iota([1, 1, 3, 3], 2), iota([1, 1, 3, 3], 3));
  const attended = attention(q, k, v, select(future, fill(-1e30, [1, 1, 3, 3]), 0), 0.5);
  const residual = add(x, linear(reshape(transpose(attended, [0, 2, 1, 3]), [6, 8]), out, undefined, false));
  return add(
    residual,
    linear(
      gelu(linear(layerNorm(residual, scale, shift, 1e-5), up, undefined, false), "tanh"),
      down,
      undefined,
      false,
    ),
  );
}
