/** The decoder with a key/value cache: one function for prompts (many tokens at once) and for single steps. */
import {
  add,
  div,
  exactDivide,
  exp,
  matMul,
  max,
  maximum,
  mul,
  reshape,
  sub,
  sum,
  type Tensor,
  updateSlice,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { runDecoder } from "../decoder.js";
import type { ParameterTensors, Projections } from "../decoder-layer.js";
import { logits } from "../heads.js";

/** Keys and values per layer, `[B, G, S, Dh]` each, for S tokens at most. */
export interface CacheTensors {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
}

export type DecodeInputs = {
  readonly parameters: ParameterTensors;
  /** int32 `[B, T]` */
  readonly ids: Tensor;
  /** int32 `[B, T]` */
  readonly positions: Tensor;
  /** Additive, `[B, 1, T, S]`: which cached keys the new tokens see; slots that hold nothing are masked. */
  readonly pastMask: Tensor;
  /** Additive, `[B, 1, T, T]`: which of each other they see. */
  readonly newMask: Tensor;
  /** int32 `[B]`: `b * T + t` of the token whose next-token logits are wanted. */
  readonly rows: Tensor;
  readonly cache: CacheTensors;
  /** int32 `[]`: the slot of the first new token. */
  readonly start: Tensor;
};

export type DecodeOutputs = {
  /** `[B, V]` */
  readonly logits: Tensor;
  /** With the new tokens from `start` on. */
  readonly cache: CacheTensors;
};

/** Free axes of {@link decode}, for `compileFunction`. The number of slots is at least that of the new tokens. */
export const decodeAxes = {
  ids: ["batch", "new"],
  positions: ["batch", "new"],
  pastMask: ["batch", null, "new", "slots"],
  newMask: ["batch", null, "new", "new"],
  rows: ["batch"],
  cache: ["batch", null, "slots", null],
} as const;

/** Runs new tokens through the model on top of those in the cache. */
export function decode(
  config: ModelConfig,
  { parameters, ids, positions, pastMask, newMask, rows, cache, start }: DecodeInputs,
): DecodeOutputs {
  const keys: Tensor[] = [];
  const values: Tensor[] = [];
  const hidden = runDecoder(
    config,
    parameters,
    { inputIds: ids, positionIds: positions },
    (layer, projections, scale) => {
      const past = { keys: cache.keys[layer] as Tensor, values: cache.values[layer] as Tensor };
      keys.push(updateSlice(past.keys, projections.keys, start, 2));
      values.push(updateSlice(past.values, projections.values, start, 2));
      return cachedAttention(projections, past, { pastMask, newMask }, scale);
    },
  );
  return { logits: logits(config, parameters, hidden, rows), cache: { keys, values } };
}

/**
 * Attention over cached and new keys, `[B, H, T, Dh]`, without joining the two: one softmax, whose maximum and
 * normalizer are found over both parts, so that the cache is read where it lies.
 */
function cachedAttention(
  { queries, keys, values }: Projections,
  past: { readonly keys: Tensor; readonly values: Tensor },
  { pastMask, newMask }: { readonly pastMask: Tensor; readonly newMask: Tensor },
  scale: number,
): Tensor {
  const [batch, heads, length, width] = queries.shape as [number, number, number, number];
  const groups = keys.shape[1] as number;
  // Query heads that share a key head lie side by side.
  const perGroup = exactDivide(heads, groups, "query heads per key head") * length;
  const grouped = reshape(queries, [batch, groups, perGroup, width]);

  const scoresOf = (partKeys: Tensor, mask: Tensor): Tensor => {
    const products = mul(matMul(grouped, partKeys, { transposeB: true }), scale);
    return add(reshape(products, [batch, heads, length, partKeys.shape[2] as number]), mask);
  };
  const pastScores = scoresOf(past.keys, pastMask);
  const newScores = scoresOf(keys, newMask);
  const highest = maximum(max(pastScores, 3, true), max(newScores, 3, true));
  const pastWeights = exp(sub(pastScores, highest));
  const newWeights = exp(sub(newScores, highest));

  const weighted = (weights: Tensor, partValues: Tensor): Tensor =>
    reshape(
      matMul(reshape(weights, [batch, groups, perGroup, partValues.shape[2] as number]), partValues),
      queries.shape,
    );
  const total = add(weighted(pastWeights, past.values), weighted(newWeights, values));
  return div(total, add(sum(pastWeights, 3, true), sum(newWeights, 3, true)));
}
