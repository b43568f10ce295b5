import {
  add,
  apply,
  attention,
  cachedAttention,
  cast,
  checkpoint,
  collectRows,
  concat,
  equal,
  fill,
  gelu,
  iota,
  layerNorm,
  less,
  linear,
  linearTokenLogProbs,
  logSoftmax,
  matMul,
  mul,
  not,
  reshape,
  rmsNorm,
  rotary,
  select,
  silu,
  softmax,
  spreadRows,
  square,
  stopGradient,
  sub,
  sumSquares,
  type Tensor,
} from "../../index.js";
import { type ConformanceCase, defineCase, flags, type InputSpecification, real, whole } from "../case.js";

export const compositeCases: readonly ConformanceCase[] = [
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
  defineCase(
    "attention in blocks, the last one shorter",
    [real([2, 3, 7, 4]), real([2, 3, 7, 4]), real([2, 3, 7, 4])],
    (q, k, v) => attention(q, k, v, undefined, 0.5, 3),
  ),
  defineCase(
    "attention in blocks, with grouped queries and a mask",
    [real([2, 6, 5, 4]), real([2, 2, 5, 4]), real([2, 2, 5, 4]), flags([2, 1, 5, 5])],
    // What is masked is not hidden: by chance that would be all that a block sees.
    (q, k, v, mask) => attention(q, k, v, select(mask, fill(0, mask.shape), -2), 0.5, 2),
  ),
  defineCase("cachedAttention", cacheInputs(4, 2), (...inputs) => cached(inputs, null), { gradient: false }),
  defineCase("cachedAttention in a window", cacheInputs(4, 4), (...inputs) => cached(inputs, 3), {
    gradient: false,
  }),
  defineCase("cachedAttention of wide heads", cacheInputs(16, 2), (...inputs) => cached(inputs, null), {
    gradient: false,
  }),
  defineCase(
    "cachedAttention of wide heads in a window",
    cacheInputs(16, 4),
    (...inputs) => cached(inputs, 3),
    {
      gradient: false,
    },
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
  // Row b has 2 and 3 tokens of at most 3: of 6 places the third is nobody's.
  defineCase("spreadRows", [real([5, 4])], (x) => {
    const { ids, places } = ragged();
    return mul(spreadRows(x, ids, places), reshape(cast(not(isPadding()), "float32"), [6, 1]));
  }),
  defineCase("collectRows", [real([6, 4])], (x) => {
    const { ids, places } = ragged();
    return collectRows(x, places, ids);
  }),
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

function adamW(p: Tensor, g: Tensor, m: Tensor, v: Tensor, weightDecay: number): readonly Tensor[] {
  const scalars = [0.01, 0.03, 1.5, 0.5].map((value) => fill(value, []));
  return apply("adamWUpdate", [p, g, m, v, ...scalars], {
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay,
  });
}

/** Of 6 places, the third. */
const isPadding = () => equal(iota([6], 0), fill(2, [6], "int32"));

/** The row of each place, 0 1 0 2 3 4, and the place of each row, 0 1 3 4 5. */
function ragged(): { readonly ids: Tensor; readonly places: Tensor } {
  const [place, row] = [iota([6], 0), iota([5], 0)];
  const ids = select(isPadding(), fill(0, [6], "int32"), sub(place, cast(less(2, place), "int32")));
  return { ids, places: add(row, cast(less(1, row), "int32")) };
}

/** Of 4 heads and a cache of 7 slots. */
function cacheInputs(width: number, groups: number): readonly InputSpecification[] {
  return [
    real([3, 4, 1, width]),
    real([3, groups, 1, width]),
    real([3, groups, 1, width]),
    real([3, groups, 7, width]),
    real([3, groups, 7, width]),
    whole([3], 0, 7),
  ];
}

function cached(inputs: readonly Tensor[], slidingWindow: number | null): readonly Tensor[] {
  const [queries, keys, values, pastKeys, pastValues, lengths] = inputs as readonly Tensor[] as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const result = cachedAttention({ queries, keys, values }, { keys: pastKeys, values: pastValues }, lengths, {
    scale: 0.5,
    slidingWindow,
  });
  return Object.values(result);
}
