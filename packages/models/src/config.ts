import { ConfigError } from "@alignkit/core";
import type { FamilyDefinition, FamilyFields } from "./families/family.js";
import { familyNames, findFamily } from "./families/table.js";
import type { LoraConfig } from "./lora-config.js";
import { requireOwnPadding } from "./padding.js";

/** What sits on top of the decoder: next-token logits, or one number per position (rewards, values). */
export type Head = "language_model" | "scalar";

/** How activations are normalised. */
export interface NormConfig {
  readonly kind: "layer_norm" | "rms_norm";
  readonly epsilon: number;
}

/** A learned embedding per position, added to the token embedding. */
export interface LearnedPositions {
  readonly kind: "learned";
}

/** Rotary positions (Su et al. 2021); the first `dimensions` of each head turn, in half-split pairs. */
export interface RotaryPositions {
  readonly kind: "rotary";
  readonly theta: number;
  /** Even, at most the head dimension. */
  readonly dimensions: number;
  /** How frequencies are changed for texts longer than those of the first training; null leaves them. */
  readonly scaling: RotaryScaling | null;
}

/** @see rotary-frequencies.ts for the formulas */
export type RotaryScaling =
  /** All frequencies divided by `factor` (Chen et al. 2023, position interpolation). */
  | { readonly kind: "linear"; readonly factor: number }
  /** Beyond `originalLength` tokens, theta grows with the length of the text. */
  | { readonly kind: "dynamic"; readonly factor: number; readonly originalLength: number }
  /** Low frequencies divided by `factor`, high ones left, those between interpolated (Llama 3.1). */
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalLength: number;
    };

/** Heads and what they see. */
export interface AttentionConfig {
  readonly heads: number;
  /** Divides `heads`; fewer than `heads` is grouped-query attention. */
  readonly keyValueHeads: number;
  readonly headDimension: number;
  /**
   * How query, key and value are stored: three matrices, one with all queries, then all keys, then all values
   * (`concatenated`, GPT-2), or one with query, key and value of each head in turn (`interleaved`, GPT-NeoX).
   */
  readonly projection: "separate" | "concatenated" | "interleaved";
  readonly projectionBias: boolean;
  readonly outputBias: boolean;
  /** RMS norms over the head dimension of queries and keys, before the rotation (Qwen3). */
  readonly queryKeyNorm: boolean;
  /** Keys seen per query, itself included; null sees all of the past. */
  readonly slidingWindow: number | null;
}

/** The feed-forward part of a layer. */
export interface MlpConfig {
  /** `gated`: `down(activation(gate(x)) * up(x))`; `plain`: `down(activation(up(x)))`. */
  readonly kind: "plain" | "gated";
  /** `gelu_new` is the tanh form, `gelu` the exact one. */
  readonly activation: "gelu_new" | "gelu" | "silu";
  readonly intermediateSize: number;
  readonly bias: boolean;
}

/** Probabilities as the file gives them. */
export interface DropoutConfig {
  readonly embedding: number;
  readonly attention: number;
  readonly residual: number;
}

/** What a family's own `config.json` fields say, in one language for all families. */
export interface DecoderConfig {
  readonly vocabularySize: number;
  /** Longest sequence, in tokens. */
  readonly maxPositions: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly norm: NormConfig;
  readonly positions: LearnedPositions | RotaryPositions;
  readonly attention: AttentionConfig;
  readonly mlp: MlpConfig;
  /** Attention and MLP read the same input and are added together (GPT-NeoX), instead of one after the other. */
  readonly parallelResidual: boolean;
  /** The language-model head is the token embedding. */
  readonly tiedHead: boolean;
  readonly bosTokenId: number | null;
  /** Any of them ends a response; empty when the model has none. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** Standard deviation of new weights. */
  readonly initializerRange: number;
  readonly dropout: DropoutConfig;
}

/** A model's configuration, whatever its family. */
export interface ModelConfig extends DecoderConfig {
  /** Hugging Face's `model_type`. */
  readonly family: string;
  /** Added to a scalar head's output, so that demonstrations score 0 on average; `reward_bias` in `config.json`. */
  readonly rewardBias: number;
  /** A low-rank adapter beside the model's own parameters, or null. */
  readonly lora: LoraConfig | null;
  /** The `config.json` that was read, with fields that are not understood; empty for a new model. */
  readonly source: Readonly<Record<string, unknown>>;
}

/**
 * Reads the contents of a Hugging Face `config.json`, in the spelling of transformers 4 or 5.
 * @param file - named in errors
 * @throws {ConfigError} naming every field that is wrong or not supported at once
 */
export function parseModelConfig(source: unknown, file = "config.json"): ModelConfig {
  if (typeof source !== "object" || source === null || Array.isArray(source)) {
    throw new ConfigError(`${file}: must be a JSON object`);
  }
  const fields = source as FamilyFields;
  const family = familyOf(fields.model_type, file);
  const { decoder, rewardBias, problems } = family.read(fields);
  const allProblems = decoder === null ? problems : [...problems, ...contradictions(decoder)];
  if (decoder === null || allProblems.length > 0) {
    throw new ConfigError(`${file} (${family.name}): ${allProblems.join("; ")}`, {
      details: { file, family: family.name, problems: allProblems },
    });
  }
  return { ...decoder, family: family.name, rewardBias, lora: null, source: fields };
}

/**
 * The configuration of a new model, from the fields that `config.json` would have; the rest are the family's defaults.
 * @example createModelConfig({ model_type: "gpt2", vocab_size: 512, n_positions: 128, n_embd: 64, n_layer: 2, n_head: 4 })
 * @throws {ConfigError} as {@link parseModelConfig}, when a field is unknown, and when the padding token also ends a text
 */
export function createModelConfig(fields: Readonly<Record<string, unknown>>): ModelConfig {
  const config = parseModelConfig(fields, "model config");
  const known = toHuggingFaceConfig({ ...config, source: {} }, "language_model");
  const unknown = Object.keys(fields).filter((key) => !Object.hasOwn(known, key));
  if (unknown.length > 0) {
    throw new ConfigError(
      `model config (${config.family}): unknown fields ${unknown.join(", ")}; known are ${Object.keys(known).join(", ")}`,
      { details: { unknown } },
    );
  }
  requireOwnPadding(config, `model config (${config.family})`);
  return { ...config, source: {} };
}

/**
 * The contents of `config.json` for `config`, keys sorted.
 *
 * What still means the same stays as it was spelled in `config.source`; fields that are not understood are kept.
 * @param dtype - of the weights, as torch names it
 */
export function toHuggingFaceConfig(
  config: ModelConfig,
  head: Head,
  dtype = "float32",
): Record<string, unknown> {
  const family = familyOf(config.family, "model config");
  const written = writtenFields(family, config);
  const isNew = Object.keys(config.source).length === 0;
  const before = isNew ? {} : writtenFields(family, parseModelConfig(config.source));
  const result: Record<string, unknown> = { ...config.source };
  for (const key of Object.keys(before).filter((key) => !Object.hasOwn(written, key))) {
    delete result[key];
  }
  for (const [key, value] of Object.entries(written)) {
    if (isNew || JSON.stringify(value) !== JSON.stringify(before[key])) {
      result[key] = value;
    }
  }
  result.architectures = [family.architectures[head]];
  const dtypeKey = Object.hasOwn(config.source, "torch_dtype") ? "torch_dtype" : "dtype";
  result[dtypeKey] = dtype;
  if (dtypeKey === "torch_dtype") {
    delete result.dtype;
  }
  for (const key of ["num_labels", "id2label", "label2id"]) {
    delete result[key];
  }
  if (head === "scalar") {
    // transformers does not write num_labels; it counts id2label.
    result.id2label = { "0": "LABEL_0" };
    result.label2id = { LABEL_0: 0 };
  }
  return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Which head `config.json` declares, or null when it does not say.
 * @throws {ConfigError} when `architectures` names something else, or a classifier with several labels
 */
export function declaredHead(config: ModelConfig, file = "config.json"): Head | null {
  const family = familyOf(config.family, file);
  const architectures = config.source.architectures;
  const name = Array.isArray(architectures) ? architectures[0] : undefined;
  if (name === undefined || name === null || name === family.baseArchitecture) {
    return null;
  }
  const heads: readonly Head[] = ["language_model", "scalar"];
  const head = heads.find((candidate) => family.architectures[candidate] === name);
  if (head === undefined) {
    const known = heads.map((candidate) => family.architectures[candidate]).join(" and ");
    throw new ConfigError(
      `${file}: architecture ${JSON.stringify(name)} is not supported; known are ${known}`,
    );
  }
  if (head === "scalar") {
    const labels = config.source.id2label;
    const count =
      typeof labels === "object" && labels !== null ? Object.keys(labels).length : config.source.num_labels;
    if (count !== undefined && count !== null && count !== 1) {
      throw new ConfigError(`${file}: a scalar head has one label, this classifier has ${String(count)}`);
    }
  }
  return head;
}

function writtenFields(family: FamilyDefinition, config: ModelConfig): Record<string, unknown> {
  return {
    ...family.write(config),
    model_type: family.name,
    ...(config.rewardBias === 0 ? {} : { reward_bias: config.rewardBias }),
  };
}

function familyOf(modelType: unknown, file: string): FamilyDefinition {
  const family = typeof modelType === "string" ? findFamily(modelType) : undefined;
  if (family === undefined) {
    throw new ConfigError(
      `${file}: model_type ${modelType === undefined ? "is missing" : `${JSON.stringify(modelType)} is not a known family`}; known are ${familyNames.join(", ")}`,
      { details: { modelType, known: familyNames } },
    );
  }
  return family;
}

/** Fields that are each fine but do not fit together. */
function contradictions(config: DecoderConfig): readonly string[] {
  const { attention, positions } = config;
  const problems: string[] = [];
  if (attention.heads % attention.keyValueHeads !== 0) {
    problems.push(
      `${attention.heads} attention heads are not a multiple of ${attention.keyValueHeads} key-value heads`,
    );
  }
  if (!Number.isInteger(attention.headDimension)) {
    problems.push(`hidden size ${config.hiddenSize} is not a multiple of ${attention.heads} attention heads`);
  }
  if (positions.kind === "rotary") {
    const { dimensions } = positions;
    if (
      !Number.isInteger(dimensions) ||
      dimensions % 2 !== 0 ||
      dimensions < 2 ||
      dimensions > attention.headDimension
    ) {
      problems.push(
        `rotary dimensions must be even, from 2 to the head dimension ${attention.headDimension}; they are ${dimensions}`,
      );
    }
  }
  const ids = {
    bos_token_id: [config.bosTokenId],
    eos_token_id: config.eosTokenIds,
    pad_token_id: [config.padTokenId],
  };
  for (const [field, values] of Object.entries(ids)) {
    for (const id of values) {
      if (id !== null && id >= config.vocabularySize) {
        problems.push(`${field} ${id} is outside the vocabulary of ${config.vocabularySize}`);
      }
    }
  }
  return problems;
}
