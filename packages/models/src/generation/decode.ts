/** The decoder with a key/value cache: one function for the tokens of prompts, one for single steps. */
import {
  add,
  and,
  attention,
  broadcast,
  cachedAttention,
  cast,
  concat,
  div,
  exactDivide,
  exp,
  iota,
  less,
  lessEqual,
  matMul,
  max,
  maximum,
  minimum,
  mul,
  pad,
  reshape,
  select,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  takeRows,
  updateSlice,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { type DecoderSettings, runDecoder } from "../decoder.js";
import type { Attend, ParameterTensors, Projections } from "../decoder-layer.js";
import { logits } from "../heads.js";
import { causalMask, hidden } from "../masks.js";
import { blockSize } from "./weights.js";

/** Keys and values per layer, `[B, G, S, Dh]` each, for S tokens at most. */
export interface CacheTensors {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
}

/** Those of one layer. */
interface PastTensors {
  readonly keys: Tensor;
  readonly values: Tensor;
}

type PromptInputs = {
  readonly parameters: ParameterTensors;
  /** int32 `[B, T]` */
  readonly ids: Tensor;
  /** int32 `[N]`: `b * T + t` of the tokens that are no padding; both or none, which computes all. */
  readonly places?: Tensor;
  /** int32 `[B, T]`: which of the N stands at each place; any of them at padding. */
  readonly spread?: Tensor;
};

export type PrefillInputs = PromptInputs & {
  /** `[B, S]`: how many slots to make, T at least; the numbers do not matter. */
  readonly room: Tensor;
};

export type PrefillMoreInputs = PromptInputs & {
  readonly cache: CacheTensors;
  /** int32 `[]`: the slot of the first of them, in each row. */
  readonly start: Tensor;
};

const promptAxes = { ids: ["batch", "new"], places: ["real"], spread: ["batch", "new"] } as const;
/** Free axes of {@link prefill}, for `compileFunction`. */
export const prefillAxes = { ...promptAxes, room: ["batch", "slots"] } as const;
/** Free axes of {@link prefillMore}. The number of slots is at least that of the new tokens. */
export const prefillMoreAxes = { ...promptAxes, cache: ["batch", null, "slots", null] } as const;

/**
 * Runs the first T tokens per row; of the model's output only the cache is wanted. It comes whole, because keys and values
 * that are still to be copied into another would be there twice. Slots behind them are 0: they are read, with
 * probability 0.
 */
export function prefill(config: ModelConfig, inputs: PrefillInputs): { readonly cache: CacheTensors } {
  const { ids, room } = inputs;
  const [length, slots] = [ids.shape[1] as number, room.shape[1] as number];
  const mask = causalMask(length, config.attention.slidingWindow);
  const cached = (own: Tensor): Tensor => pad(own, [0, 0, 0, 0], [0, 0, slots - length, 0]);
  return cacheOf(config, inputs, iota(ids.shape, 1), (_, { queries, keys, values }, scale) => ({
    keys: cached(keys),
    values: cached(values),
    attended: attention(queries, keys, values, mask, scale),
  }));
}

/** Runs T tokens per row on top of those in the cache. */
export function prefillMore(
  config: ModelConfig,
  inputs: PrefillMoreInputs,
): { readonly cache: CacheTensors } {
  const { ids, cache, start } = inputs;
  const { slidingWindow } = config.attention;
  const length = ids.shape[1] as number;
  const slots = (cache.keys[0] as Tensor).shape[2] as number;
  const positions = add(iota(ids.shape, 1), broadcast(start, ids.shape));
  const masks = {
    past: pastMask(length, slots, start, slidingWindow),
    own: causalMask(length, slidingWindow),
  };
  return cacheOf(config, inputs, positions, (layer, projections, scale) => {
    const past = { keys: cache.keys[layer] as Tensor, values: cache.values[layer] as Tensor };
    return {
      keys: updateSlice(past.keys, projections.keys, start, 2),
      values: updateSlice(past.values, projections.values, start, 2),
      attended: attentionInTwoParts(projections, past, masks, scale),
    };
  });
}

/** @param attend - what of a layer attention gives, and what the cache holds then */
function cacheOf(
  config: ModelConfig,
  { parameters, ids, places, spread }: PromptInputs,
  positions: Tensor,
  attend: (...given: Parameters<Attend>) => PastTensors & { readonly attended: Tensor },
): { readonly cache: CacheTensors } {
  const keys: Tensor[] = [];
  const values: Tensor[] = [];
  const attendAndKeep: Attend = (layer, projections, scale) => {
    const { attended, ...kept } = attend(layer, projections, scale);
    keys.push(kept.keys);
    values.push(kept.values);
    return attended;
  };
  const real = places === undefined || spread === undefined ? undefined : { places, spread };
  runDecoder(config, parameters, { inputIds: ids, positionIds: positions }, attendAndKeep, { real });
  return { cache: { keys, values } };
}

export type StepInputs = {
  readonly parameters: ParameterTensors;
  /** int32 `[B]` */
  readonly ids: Tensor;
  /** int32 `[B]`: tokens of each row that are in the cache, in its first slots. */
  readonly lengths: Tensor;
  /** `[]`: 1 / temperature. */
  readonly inverse: Tensor;
  readonly cache: CacheTensors;
  /** `[B]`, in `[0, 1)`: by which tokens will be drawn; where all weights are read, they need not be known. */
  readonly uniforms?: Tensor;
};

/** Free axes of {@link step}. */
export const stepAxes = {
  ids: ["batch"],
  lengths: ["batch"],
  cache: ["batch", null, "slots", null],
  uniforms: ["batch"],
} as const;

export type StepOutputs = {
  /** Of the next token, divided by the temperature, `[B, V]`; without uniforms. */
  readonly logits?: Tensor;
  /** Their softmax, with zeros up to whole blocks, `[B, N * blockSize]`. */
  readonly weights: Tensor;
  /**
   * Sums of blocks of weights, `[B, N]`. Given uniforms the number of the block that is drawn from follows, up to
   * rounding that of `drawBlock`, and its weights: `[B, N + 1 + blockSize]`.
   */
  readonly blocks: Tensor;
  /** With the new tokens. */
  readonly cache: CacheTensors;
};

/**
 * Appends one token to each row.
 * @param products - how rows are multiplied with weights, and how those lie; as the config has it by default
 */
export function step(
  config: ModelConfig,
  { parameters, ids, lengths, inverse, cache, uniforms }: StepInputs,
  products: Pick<DecoderSettings, "linear" | "mlp" | "names"> = {},
): StepOutputs {
  const { slidingWindow } = config.attention;
  const batch = ids.shape[0] as number;
  const keys: Tensor[] = [];
  const values: Tensor[] = [];
  const hiddenRows = runDecoder(
    config,
    parameters,
    { inputIds: reshape(ids, [batch, 1]), positionIds: reshape(lengths, [batch, 1]) },
    (layer, projections, scale) => {
      const past = { keys: cache.keys[layer] as Tensor, values: cache.values[layer] as Tensor };
      const result = cachedAttention(projections, past, lengths, { scale, slidingWindow });
      keys.push(result.keys);
      values.push(result.values);
      return result.attended;
    },
    products,
  );
  // D numbers a row are scaled, not V.
  const scaled = logits(config, parameters, mul(hiddenRows, inverse), products.linear);
  const { weights, blocks } = weigh(scaled);
  const next = { keys, values };
  if (uniforms === undefined) return { logits: scaled, weights, blocks, cache: next };
  return { weights, blocks: concat([blocks, ...draw(weights, blocks, uniforms)], 1), cache: next };
}

function weigh(rows: Tensor): Pick<StepOutputs, "weights" | "blocks"> {
  const [batch, size] = rows.shape as [number, number];
  const count = Math.ceil(size / blockSize);
  const weights = pad(softmax(rows), [0, 0], [0, count * blockSize - size]);
  return { weights, blocks: sum(reshape(weights, [batch, count, blockSize]), 2) };
}

/** The block that the inverse CDF falls into: its number, `[B, 1]`, and its weights, `[B, blockSize]`. */
function draw(weights: Tensor, blocks: Tensor, uniforms: Tensor): readonly [Tensor, Tensor] {
  const [batch, count] = blocks.shape as [number, number];
  const isUpTo = lessEqual(iota([count, count], 0), iota([count, count], 1));
  const sums = matMul(blocks, cast(isUpTo, "float32"));
  const target = mul(reshape(uniforms, [batch, 1]), slice(sums, 1, count - 1, count));
  const number = minimum(sum(cast(lessEqual(sums, target), "float32"), 1, true), count - 1);
  const places = add(mul(iota([batch], 0), count), cast(reshape(number, [batch]), "int32"));
  return [number, takeRows(reshape(weights, [batch * count, blockSize]), places)];
}

/** Additive, `[1, 1, T, S]`: which cached keys the tokens from `start` on see. */
function pastMask(length: number, slots: number, start: Tensor, slidingWindow: number | null): Tensor {
  const shape = [1, 1, length, slots];
  const slot = iota(shape, 3);
  const first = broadcast(start, shape);
  const filled = less(slot, first);
  const query = add(iota(shape, 2), first);
  const visible = slidingWindow === null ? filled : and(filled, less(sub(query, slot), slidingWindow));
  return select(visible, 0, hidden);
}

/**
 * Attention over cached and new keys, `[B, H, T, Dh]`, without joining the two: one softmax, whose maximum and
 * normalizer are found over both parts, so that the cache is read where it lies.
 */
function attentionInTwoParts(
  { queries, keys, values }: Projections,
  past: PastTensors,
  masks: { readonly past: Tensor; readonly own: Tensor },
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
  const pastScores = scoresOf(past.keys, masks.past);
  const newScores = scoresOf(keys, masks.own);
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
