/**
 * The decoder as other runtimes call it: tokens with keys and values of earlier ones in, logits and all keys and values
 * out. Names are those of transformers.js and Optimum.
 */
import {
  add,
  and,
  attention,
  cast,
  concat,
  fill,
  type Graph,
  iota,
  less,
  lessEqual,
  linear,
  mul,
  reshape,
  select,
  sub,
  sum,
  type Tensor,
  type TensorType,
  trace,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { runDecoder } from "../decoder.js";
import { type ParameterTensors, parameterOf } from "../decoder-layer.js";
import { hidden } from "../masks.js";
import { parameterNames, parameterShapes } from "../parameters.js";

/** A named input or output; sizes that a call may choose have names. */
export interface ExportedValue {
  readonly name: string;
  readonly type: "float32" | "int64";
  readonly shape: readonly (number | string)[];
}

/** A decoder to be written in another format. */
export interface ExportedDecoder {
  readonly graph: Graph;
  /** The same at other sizes: what differs is free. */
  readonly variant: Graph;
  /** In the order of the graph's inputs; after them come {@link parameters}. int64 ones are int32 in the graph. */
  readonly inputs: readonly ExportedValue[];
  /** Names of the parameters that the graph takes. */
  readonly parameters: readonly string[];
  readonly outputs: readonly ExportedValue[];
}

interface Past {
  readonly key: Tensor;
  readonly value: Tensor;
}

interface DecoderTensors {
  /** int32 `[B, T]` */
  readonly inputIds: Tensor;
  /** int32 `[B, S]` with S = P + T: 1 on real tokens, 0 on padding */
  readonly attentionMask: Tensor;
  /** int32 `[B, T]` */
  readonly positionIds: Tensor;
  /** Per layer, `[B, G, P, Dh]` each. */
  readonly past: readonly Past[];
  readonly parameters: ParameterTensors;
}

/** @param config - of a language model without an adapter */
export function exportDecoder(config: ModelConfig): ExportedDecoder {
  const { attention: shape, vocabularySize } = config;
  const layers = Array.from({ length: config.layers }, (_, layer) => layer);
  const cached = (name: string, length: string): ExportedValue => ({
    name,
    type: "float32",
    shape: ["batch_size", shape.keyValueHeads, length, shape.headDimension],
  });
  const ids = (name: string, length: string): ExportedValue => ({
    name,
    type: "int64",
    shape: ["batch_size", length],
  });
  const total = "past_sequence_length + sequence_length";
  const body = (tensors: DecoderTensors) => decodeWithPast(config, tensors);
  return {
    // Primes, so that each size is told from the others; the third is the sum.
    graph: trace(body as never, types(config, { batch: 11, length: 17, past: 23 })).graph,
    variant: trace(body as never, types(config, { batch: 13, length: 19, past: 29 })).graph,
    inputs: [
      ids("input_ids", "sequence_length"),
      ids("attention_mask", total),
      ids("position_ids", "sequence_length"),
      ...layers.flatMap((layer) =>
        ["key", "value"].map((part) => cached(`past_key_values.${layer}.${part}`, "past_sequence_length")),
      ),
    ],
    parameters: [...parameterShapes(config, "language_model").keys()],
    outputs: [
      { name: "logits", type: "float32", shape: ["batch_size", "sequence_length", vocabularySize] },
      ...layers.flatMap((layer) => ["key", "value"].map((part) => cached(`present.${layer}.${part}`, total))),
    ],
  };
}

/** In the order of {@link DecoderTensors}. */
function types(
  config: ModelConfig,
  { batch, length, past }: { readonly batch: number; readonly length: number; readonly past: number },
) {
  const ids = (size: number): TensorType => ({ dtype: "int32", shape: [batch, size] });
  const float32 = (shape: readonly number[]): TensorType => ({ dtype: "float32", shape });
  const { keyValueHeads, headDimension } = config.attention;
  const cached = float32([batch, keyValueHeads, past, headDimension]);
  return {
    inputIds: ids(length),
    attentionMask: ids(past + length),
    positionIds: ids(length),
    past: Array.from({ length: config.layers }, () => ({ key: cached, value: cached })),
    parameters: Object.fromEntries(
      [...parameterShapes(config, "language_model")].map(([name, shape]) => [name, float32(shape)]),
    ),
  };
}

function decodeWithPast(
  config: ModelConfig,
  { inputIds, attentionMask, positionIds, past, parameters }: DecoderTensors,
) {
  const [batch, length] = inputIds.shape as [number, number];
  const mask = pastMask(attentionMask, past[0]?.key as Tensor, length, config.attention.slidingWindow);
  const present: Past[] = [];
  const states = runDecoder(
    config,
    parameters,
    { inputIds, positionIds },
    (layer, { queries, keys, values }, scale) => {
      const before = past[layer] as Past;
      const all = { key: concat([before.key, keys], 2), value: concat([before.value, values], 2) };
      present.push(all);
      return attention(queries, all.key, all.value, mask, scale);
    },
  );
  const weight = parameterOf(parameters, parameterNames(config).languageModelHead);
  return { logits: reshape(linear(states, weight), [batch, length, config.vocabularySize]), present };
}

/** Additive, `[B, 1, T, S]`: causal, within the window, and padding is not seen. */
function pastMask(
  attentionMask: Tensor,
  pastKey: Tensor,
  length: number,
  slidingWindow: number | null,
): Tensor {
  const [batch, total] = attentionMask.shape as [number, number];
  // P, counted where the runtime knows it.
  const past = sum(fill(1, [pastKey.shape[2] as number]));
  const shape = [1, 1, length, total];
  const query = add(cast(iota(shape, 2), "float32"), past);
  const key = cast(iota(shape, 3), "float32");
  const before = lessEqual(key, query);
  const visible = slidingWindow === null ? before : and(before, less(sub(query, key), slidingWindow));
  const padding = mul(sub(1, cast(attentionMask, "float32")), hidden);
  return add(select(visible, 0, hidden), reshape(padding, [batch, 1, 1, total]));
}
