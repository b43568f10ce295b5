import { inlineGraph } from "../inline.js";
import type { Tensor } from "../tensor.js";
import { exactDivide, sizeOf } from "../types.js";
import type { CompositeName } from "./attributes.js";
import {
  add,
  and,
  attention,
  barrier,
  broadcast,
  cast,
  collectRows,
  concat,
  div,
  equal,
  erf,
  exp,
  iota,
  less,
  lessEqual,
  linear,
  log,
  matMul,
  max,
  mean,
  mul,
  neg,
  pad,
  reshape,
  rotary,
  scatterAddRows,
  select,
  sigmoid,
  slice,
  softmax,
  spreadRows,
  sqrt,
  square,
  sub,
  sum,
  takeAlongLast,
  takeRows,
} from "./build.js";
import { type CompositePart, only } from "./definition.js";

/** `[a, b, c]` as `[a * b, c]`. */
const asRows = (x: Tensor): Tensor =>
  reshape(x, [exactDivide(sizeOf(x.shape), x.shape.at(-1) as number, "rows"), x.shape.at(-1) as number]);

const column = (x: Tensor): Tensor => reshape(x, [...x.shape, 1]);

export const composites: CompositePart<CompositeName> = {
  softmax: {
    decompose: ([x]) => {
      const shifted = exp(sub(x!, max(x!, -1, true)));
      return [div(shifted, sum(shifted, -1, true))];
    },
    gradient: ({ outputs: [y], gradients }) => {
      const weighted = mul(only(gradients), y!);
      return [sub(weighted, mul(y!, sum(weighted, -1, true)))];
    },
  },
  logSoftmax: {
    decompose: ([x]) => {
      const shifted = sub(x!, max(x!, -1, true));
      return [sub(shifted, log(sum(exp(shifted), -1, true)))];
    },
    gradient: ({ outputs: [y], gradients }) => {
      const g = only(gradients);
      return [sub(g, mul(exp(y!), sum(g, -1, true)))];
    },
  },
  layerNorm: {
    decompose: ([x, weight, bias], { epsilon }) => {
      const center = mean(x!, -1, true);
      const centered = sub(x!, center);
      const inverseDeviation = div(1, sqrt(add(mean(square(centered), -1, true), epsilon)));
      return [add(mul(mul(centered, inverseDeviation), weight!), bias!), center, inverseDeviation];
    },
    gradient: ({ inputs: [x, weight], outputs: [, center, inverseDeviation], gradients }) => {
      const g = only(gradients);
      const normalized = mul(sub(x!, center!), inverseDeviation!);
      const scaled = mul(g, weight!);
      const residual = sub(
        sub(scaled, mean(scaled, -1, true)),
        mul(normalized, mean(mul(scaled, normalized), -1, true)),
      );
      return [mul(residual, inverseDeviation!), sum(asRows(mul(g, normalized)), 0), sum(asRows(g), 0)];
    },
  },
  rmsNorm: {
    decompose: ([x, weight], { epsilon }) => {
      const inverseRoot = div(1, sqrt(add(mean(square(x!), -1, true), epsilon)));
      return [mul(mul(x!, inverseRoot), weight!), inverseRoot];
    },
    gradient: ({ inputs: [x, weight], outputs: [, inverseRoot], gradients }) => {
      const g = only(gradients);
      const normalized = mul(x!, inverseRoot!);
      const scaled = mul(g, weight!);
      const residual = sub(scaled, mul(normalized, mean(mul(scaled, normalized), -1, true)));
      return [mul(residual, inverseRoot!), sum(asRows(mul(g, normalized)), 0)];
    },
  },
  gelu: {
    // tanh form: 0.5 x (1 + tanh(u)) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
    decompose: ([x], { approximate }) =>
      approximate === "none"
        ? [mul(mul(x!, 0.5), add(erf(mul(x!, Math.SQRT1_2)), 1))]
        : [mul(x!, sigmoid(mul(x!, add(mul(square(x!), tanhCubic * tanhScale), tanhScale))))],
    gradient: ({ inputs: [x], outputs: [y], attributes: { approximate }, gradients }) => {
      const g = only(gradients);
      if (approximate === "none") {
        const cumulative = mul(add(erf(mul(x!, Math.SQRT1_2)), 1), 0.5);
        const density = mul(exp(mul(square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return [mul(g, add(cumulative, mul(x!, density)))];
      }
      // d/dx x s(w) = s + x w' s (1 - s) = s (1 + w' (x - y)), w = scale x + scale cubic x^3, w' = scale + 3 scale cubic x^2
      const squared = square(x!);
      const s = sigmoid(mul(x!, add(mul(squared, tanhCubic * tanhScale), tanhScale)));
      const slope = add(mul(squared, 3 * tanhCubic * tanhScale), tanhScale);
      return [mul(g, mul(s, add(mul(slope, sub(x!, y!)), 1)))];
    },
  },
  silu: {
    decompose: ([x]) => [mul(x!, sigmoid(x!))],
    gradient: ({ inputs: [x], gradients }) => {
      const s = sigmoid(x!);
      return [mul(only(gradients), add(s, mul(x!, sub(s, square(s)))))];
    },
  },
  rotary: {
    decompose: ([x, cosine, sine]) => {
      const half = (x!.shape[3] as number) / 2;
      const rotated = concat([neg(slice(x!, 3, half, 2 * half)), slice(x!, 3, 0, half)], 3);
      return [add(mul(x!, cosine!), mul(rotated, sine!))];
    },
    // A rotation: its transpose turns the other way. Positions are not learned.
    gradient: ({ inputs: [, cosine, sine], gradients }) => [
      rotary(only(gradients), cosine!, neg(sine!)),
      undefined,
      undefined,
    ],
  },
  attention: {
    decompose: ([q, k, v, mask], { scale, block }) => {
      const attended = blocksOf(q!, k!, block).map((range) => {
        const { queries, keys, values, ownMask } = blockOf(range, q!, k!, v!, mask);
        const { grouped, scores } = attentionScores(queries, keys, ownMask, scale);
        const products = matMul(reshape(softmax(scores), grouped.scoreShape), values);
        return reshape(products, queries.shape);
      });
      return [concat(attended, 2)];
    },
    gradient: ({ inputs: [q, k, v, mask], attributes: { scale, block }, gradients }) => {
      const g = only(gradients);
      // Behind the incoming gradient, probabilities are computed once more instead of kept.
      const fenced = (x: Tensor) => (block === null ? x : barrier(x, g));
      const [ownQ, ownK, ownV] = [fenced(q!), fenced(k!), fenced(v!)];
      let byKeys: Tensor | undefined;
      let byValues: Tensor | undefined;
      const byQueries = blocksOf(q!, k!, block).map((range) => {
        const { queries, keys, values, ownMask } = blockOf(range, ownQ, ownK, ownV, mask);
        const { grouped, scores } = attentionScores(queries, keys, ownMask, scale);
        const probabilities = reshape(softmax(scores), grouped.scoreShape);
        const own = reshape(slice(g, 2, range.start, range.end), grouped.queries.shape);
        const weighted = mul(matMul(own, values, { transposeB: true }), probabilities);
        const scoreGradient = sub(weighted, mul(probabilities, sum(weighted, -1, true)));
        const keyGradient = mul(matMul(scoreGradient, grouped.queries, { transposeA: true }), scale);
        byKeys = sumOfPrefix(byKeys, keyGradient);
        byValues = sumOfPrefix(byValues, matMul(probabilities, own, { transposeA: true }));
        return reshape(mul(matMul(scoreGradient, keys), scale), queries.shape);
      });
      return [concat(byQueries, 2), byKeys, byValues, undefined];
    },
  },
  cachedAttention: {
    decompose: ([q, k, v, keys, values, lengths], { scale, slidingWindow }) => {
      const [batch, , slots, width] = keys!.shape as [number, number, number, number];
      const [queries, newKeys, newValues] = [q!, k!, v!].map((x) => reshape(x, [batch, -1, 1, width])) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const shape = [batch, 1, slots, 1];
      const slot = iota(shape, 2);
      const last = broadcast(reshape(lengths!, [batch, 1, 1, 1]), shape);
      const isNew = broadcast(equal(slot, last), keys!.shape);
      const nextKeys = select(isNew, broadcast(newKeys, keys!.shape), keys!);
      const nextValues = select(isNew, broadcast(newValues, values!.shape), values!);
      const past = lessEqual(slot, last);
      const visible = slidingWindow === null ? past : and(past, less(sub(last, slot), slidingWindow));
      const mask = reshape(select(visible, 0, hidden), [batch, 1, 1, slots]);
      const attended = attention(queries, nextKeys, nextValues, mask, scale);
      return [reshape(attended, q!.shape), nextKeys, nextValues];
    },
    gradient: null,
  },
  linear: {
    decompose: ([x, weight, bias], { transposeWeight }) => {
      const product = matMul(asRows(x!), weight!, { transposeB: transposeWeight });
      const biased = bias === undefined ? product : add(product, bias);
      return [reshape(biased, [...x!.shape.slice(0, -1), biased.shape[1] as number])];
    },
    gradient: ({ inputs: [x, weight, bias], attributes: { transposeWeight }, gradients }) => {
      const g = asRows(only(gradients));
      const rows = asRows(x!);
      const byInput = reshape(matMul(g, weight!, { transposeB: !transposeWeight }), x!.shape);
      const byWeight = transposeWeight
        ? matMul(g, rows, { transposeA: true })
        : matMul(rows, g, { transposeA: true });
      return bias === undefined ? [byInput, byWeight] : [byInput, byWeight, sum(g, 0)];
    },
  },
  linearTokenLogProbs: {
    decompose: ([x, weight, targets]) => {
      const { logits, probabilities, logNormalizer } = distribution(x!, weight!);
      const logProbs = sub(takeAlongLast(logits, targets!), logNormalizer);
      return [logProbs, sub(logNormalizer, sum(mul(probabilities, logits), -1))];
    },
    gradient: ({ inputs: [x, weight, targets], outputs: [, entropy], gradients: [byLogProb, byEntropy] }) => {
      const { logits, probabilities, logNormalizer } = distribution(x!, weight!);
      let xGradient: Tensor | undefined;
      let weightGradient: Tensor | undefined;
      if (byLogProb !== undefined) {
        // d logp / d logits = onehot - P, kept apart: rows of x and of the result are scaled, never [N, V].
        const byRow = column(byLogProb);
        const scaledRows = mul(x!, byRow);
        xGradient = mul(sub(takeRows(weight!, targets!), matMul(probabilities, weight!)), byRow);
        weightGradient = scatterAddRows(
          matMul(probabilities, neg(scaledRows), { transposeA: true }),
          targets!,
          scaledRows,
        );
      }
      if (byEntropy !== undefined) {
        // dH / d logit = -p (log p + H)
        const surprise = add(sub(logits, column(logNormalizer)), column(entropy!));
        const byLogits = mul(neg(mul(probabilities, surprise)), column(byEntropy));
        xGradient = sumOf(xGradient, matMul(byLogits, weight!));
        weightGradient = sumOf(matMul(byLogits, x!, { transposeA: true }), weightGradient);
      }
      return [xGradient, weightGradient, undefined];
    },
  },
  spreadRows: {
    decompose: ([x, ids]) => [takeRows(x!, ids!)],
    gradient: ({ inputs: [, ids, places], gradients }) => [collectRows(only(gradients), places!, ids!)],
  },
  collectRows: {
    decompose: ([x, places]) => [takeRows(x!, places!)],
    gradient: ({ inputs: [, places, ids], gradients }) => {
      const isOwn = equal(takeRows(places!, ids!), iota(ids!.shape, 0));
      return [mul(spreadRows(only(gradients), ids!, places!), column(cast(isOwn, "float32")))];
    },
  },
  sumSquares: {
    decompose: ([x]) => [sum(square(x!))],
    gradient: ({ inputs: [x], gradients }) => [mul(mul(x!, 2), only(gradients))],
  },
  adamWUpdate: {
    decompose: (
      [parameter, gradient, m, v, learningRate, stepSize, denominatorScale, gradientScale],
      settings,
    ) => {
      const { beta1, beta2, epsilon, weightDecay } = settings;
      const g = mul(gradient!, gradientScale!);
      const nextM = add(mul(m!, beta1), mul(g, 1 - beta1));
      const nextV = add(mul(v!, beta2), mul(square(g), 1 - beta2));
      const decayed =
        weightDecay === 0 ? parameter! : sub(parameter!, mul(parameter!, mul(learningRate!, weightDecay)));
      const denominator = add(mul(sqrt(nextV), denominatorScale!), epsilon);
      return [sub(decayed, mul(div(nextM, denominator), stepSize!)), nextM, nextV];
    },
    gradient: null,
  },
  checkpoint: {
    decompose: (inputs, { body }) => inlineGraph(body, inputs),
    gradient: ({ inputs, attributes: { body }, gradients, differentiate }) => {
      // The recomputed values are fenced behind the incoming gradient, so that they are neither merged with
      // the originals nor computed before they are needed.
      const after = gradients.find((gradient) => gradient !== undefined) as Tensor;
      const fenced = inputs.map((input) => (input.dtype === "float32" ? barrier(input, after) : input));
      const outputs = inlineGraph(body, fenced);
      return differentiate(outputs, gradients, fenced);
    },
  },
  stopGradient: { decompose: ([x]) => [x!], gradient: null },
};

/** Large enough that a probability is exactly 0, finite so that nothing becomes NaN. */
const hidden = -1e30;

const tanhScale = 2 * Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;

function sumOf(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  return a === undefined ? b : b === undefined ? a : add(a, b);
}

/** Softmax over the vocabulary with its log-normalizer: log sum exp(l) = max l - log max P. */
function distribution(
  x: Tensor,
  weight: Tensor,
): { readonly logits: Tensor; readonly probabilities: Tensor; readonly logNormalizer: Tensor } {
  const logits = linear(x, weight);
  const probabilities = softmax(logits);
  return { logits, probabilities, logNormalizer: sub(max(logits, -1), log(max(probabilities, -1))) };
}

/** Queries `start` to `end`, which look at the first `seen` keys. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly seen: number;
}

/** Blocks of at most `size` queries, each with the keys up to its last query; all with all where there is no size. */
function blocksOf(q: Tensor, k: Tensor, size: number | null): readonly Block[] {
  const [length, keys] = [q.shape[2] as number, k.shape[2] as number];
  if (size === null) return [{ start: 0, end: length, seen: keys }];
  return Array.from({ length: Math.ceil(length / size) }, (_, index) => {
    const end = Math.min((index + 1) * size, length);
    return { start: index * size, end, seen: end };
  });
}

function blockOf({ start, end, seen }: Block, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | undefined) {
  return {
    queries: slice(q, 2, start, end),
    keys: slice(k, 2, 0, seen),
    values: slice(v, 2, 0, seen),
    ownMask: mask && slice(slice(mask, 2, start, end), 3, 0, seen),
  };
}

/** Sum of `[B, G, S, Dh]` for the first keys and for more of them. */
function sumOfPrefix(prefix: Tensor | undefined, longer: Tensor): Tensor {
  if (prefix === undefined) return longer;
  const missing = (longer.shape[2] as number) - (prefix.shape[2] as number);
  return add(pad(prefix, [0, 0, 0, 0], [0, 0, missing, 0]), longer);
}

interface GroupedQueries {
  /** `[B, G, H/G * T, Dh]`: the queries that share a key head lie side by side. */
  readonly queries: Tensor;
  /** `[B, G, H/G * T, S]` */
  readonly scoreShape: readonly number[];
}

function attentionScores(
  q: Tensor,
  k: Tensor,
  mask: Tensor | undefined,
  scale: number,
): { readonly grouped: GroupedQueries; readonly scores: Tensor } {
  const [batch, heads, time, width] = q.shape as [number, number, number, number];
  const [, groups, keys] = k.shape as [number, number, number, number];
  const perGroup = exactDivide(heads, groups, "query heads per key head") * time;
  const queries = reshape(q, [batch, groups, perGroup, width]);
  const products = mul(matMul(queries, k, { transposeB: true }), scale);
  const perHead = reshape(products, [batch, heads, time, keys]);
  const scores = mask === undefined ? perHead : add(perHead, broadcast(mask, perHead.shape));
  return { grouped: { queries, scoreShape: products.shape }, scores };
}
