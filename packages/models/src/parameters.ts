/**
 * The parameter tree of a model: Hugging Face's names of its family, and their shapes.
 *
 * Everything here follows from the config and the family's declaration; no family is known by name.
 */
import { ConfigError } from "@alignkit/core";
import type { Head, ModelConfig } from "./config.js";
import type { FamilyDefinition } from "./families/family.js";
import { findFamily } from "./families/table.js";
import { isLoraTarget } from "./lora-config.js";

/** A weight matrix, stored as {@link ParameterNames.linearLayout} says, and its bias, if it has one. */
export interface LinearNames {
  /** What precedes `.weight`. */
  readonly module: string;
  readonly weight: string;
  readonly bias: string | null;
  /** Null without an adapter. */
  readonly lora: LoraNames | null;
}

/** The matrices of a low-rank adapter, `[R, in]` and `[out, R]` in every layout. */
export interface LoraNames {
  readonly down: string;
  readonly up: string;
}

/** RMS norms have no bias. */
export interface NormNames {
  readonly weight: string;
  readonly bias: string | null;
}

/** The projection to query, key and value: one matrix (see `config.attention.projection`) or three. */
export type ProjectionNames =
  | { readonly kind: "fused"; readonly queryKeyValue: LinearNames }
  | {
      readonly kind: "separate";
      readonly query: LinearNames;
      readonly key: LinearNames;
      readonly value: LinearNames;
    };

/** Names of the parameters of one layer, by the part they play. */
export interface LayerNames {
  readonly attentionNorm: NormNames;
  readonly projection: ProjectionNames;
  /** Norms over the head dimension; null without `config.attention.queryKeyNorm`. */
  readonly queryNorm: NormNames | null;
  readonly keyNorm: NormNames | null;
  readonly attentionOutput: LinearNames;
  readonly mlpNorm: NormNames;
  /** Null in a plain MLP. */
  readonly mlpGate: LinearNames | null;
  readonly mlpUp: LinearNames;
  readonly mlpDown: LinearNames;
}

/** Which parameter plays which part. */
export interface ParameterNames {
  readonly linearLayout: "out_in" | "in_out";
  /** `[V, D]` */
  readonly tokenEmbedding: string;
  /** `[positions, D]`; null with rotary positions. */
  readonly positionEmbedding: string | null;
  readonly layers: readonly LayerNames[];
  readonly finalNorm: NormNames;
  /** `[V, D]` in every family; the token embedding itself when the head is tied. */
  readonly languageModelHead: string;
  /** `[1, D]` in every family. */
  readonly scalarHead: string;
}

/** How a new parameter is filled. */
export type Initialization =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly deviation: number; readonly zeroRow: number | null }
  /** Between `-bound` and `bound`. */
  | { readonly kind: "uniform"; readonly bound: number };

/** A parameter before it has values. */
export interface ParameterSpecification {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initialization: Initialization;
  /** Whether training leaves it alone: with an adapter, all but the adapter and a scalar head. */
  readonly frozen: boolean;
}

/** The names of the parameters of `config`, by the part they play. */
export function parameterNames(config: ModelConfig): ParameterNames {
  const family = definitionOf(config);
  const { modules } = family;
  return {
    linearLayout: family.linearLayout,
    tokenEmbedding: `${modules.tokenEmbedding}.weight`,
    positionEmbedding:
      config.positions.kind === "learned"
        ? `${required(family, modules.positionEmbedding, "positionEmbedding")}.weight`
        : null,
    layers: Array.from({ length: config.layers }, (_, index) =>
      layerNames(config, family, `${modules.layers}.${index}`),
    ),
    finalNorm: normNames(config, modules.finalNorm),
    languageModelHead: `${config.tiedHead ? modules.tokenEmbedding : modules.languageModelHead}.weight`,
    scalarHead: `${modules.scalarHead}.weight`,
  };
}

/** The projections of a layer. */
export function linearsOf({ projection, ...layer }: LayerNames): readonly LinearNames[] {
  const attention =
    projection.kind === "fused"
      ? [projection.queryKeyValue]
      : [projection.query, projection.key, projection.value];
  const gate = layer.mlpGate === null ? [] : [layer.mlpGate];
  return [...attention, layer.attentionOutput, ...gate, layer.mlpUp, layer.mlpDown];
}

/** Every parameter of `config` under `head`, from the embedding to the head, then the adapter: name, shape, first values. */
export function parameterSpecifications(config: ModelConfig, head: Head): readonly ParameterSpecification[] {
  const family = definitionOf(config);
  const names = parameterNames(config);
  const { attention, hiddenSize, initializerRange, vocabularySize } = config;
  const specifications: ParameterSpecification[] = [];
  const adapter: ParameterSpecification[] = [];
  const hasAdapter = config.lora !== null;
  const matrix = (
    name: string,
    shape: readonly number[],
    deviation = initializerRange,
    zeroRow: number | null = null,
  ) =>
    specifications.push({
      name,
      shape,
      initialization: { kind: "normal", deviation, zeroRow },
      frozen: hasAdapter && name !== names.scalarHead,
    });
  const vector = (name: string | null, size: number, value: number) => {
    if (name !== null) {
      const initialization = { kind: "constant", value } as const;
      specifications.push({ name, shape: [size], initialization, frozen: hasAdapter });
    }
  };
  const lowRank = (lora: LoraNames | null, input: number, output: number) => {
    if (lora === null || config.lora === null) return;
    const { rank } = config.lora;
    // As torch's Linear: He et al. 2015 with a slope of sqrt(5).
    const initialization = { kind: "uniform", bound: 1 / Math.sqrt(input) } as const;
    adapter.push({ name: lora.down, shape: [rank, input], initialization, frozen: false });
    const zero = { kind: "constant", value: 0 } as const;
    adapter.push({ name: lora.up, shape: [output, rank], initialization: zero, frozen: false });
  };
  const linear = (linearNames: LinearNames, input: number, output: number, deviation = initializerRange) => {
    matrix(
      linearNames.weight,
      family.linearLayout === "out_in" ? [output, input] : [input, output],
      deviation,
    );
    vector(linearNames.bias, output, 0);
    lowRank(linearNames.lora, input, output);
  };
  const norm = (normNames: NormNames | null, size: number) => {
    if (normNames !== null) {
      vector(normNames.weight, size, 1);
      vector(normNames.bias, size, 0);
    }
  };

  // 1. Embeddings
  const zeroRow = family.zeroPaddingEmbedding ? config.padTokenId : null;
  matrix(names.tokenEmbedding, [vocabularySize, hiddenSize], initializerRange, zeroRow);
  if (names.positionEmbedding !== null) {
    matrix(names.positionEmbedding, [config.maxPositions, hiddenSize]);
  }

  // 2. Layers
  const queryWidth = attention.heads * attention.headDimension;
  const keyValueWidth = attention.keyValueHeads * attention.headDimension;
  const residualScale = family.scalesResidualProjections ? 1 / Math.sqrt(2 * config.layers) : 1;
  for (const layer of names.layers) {
    norm(layer.attentionNorm, hiddenSize);
    if (layer.projection.kind === "fused") {
      linear(layer.projection.queryKeyValue, hiddenSize, queryWidth + 2 * keyValueWidth);
    } else {
      linear(layer.projection.query, hiddenSize, queryWidth);
      linear(layer.projection.key, hiddenSize, keyValueWidth);
      linear(layer.projection.value, hiddenSize, keyValueWidth);
    }
    norm(layer.queryNorm, attention.headDimension);
    norm(layer.keyNorm, attention.headDimension);
    linear(layer.attentionOutput, queryWidth, hiddenSize, initializerRange * residualScale);
    norm(layer.mlpNorm, hiddenSize);
    if (layer.mlpGate !== null) {
      linear(layer.mlpGate, hiddenSize, config.mlp.intermediateSize);
    }
    linear(layer.mlpUp, hiddenSize, config.mlp.intermediateSize);
    linear(layer.mlpDown, config.mlp.intermediateSize, hiddenSize, initializerRange * residualScale);
  }
  norm(names.finalNorm, hiddenSize);

  // 3. Head
  if (head === "scalar") {
    // Ziegler et al. 2019 and Stiennon et al. 2020 in code: N(0, 1/sqrt(d + 1)).
    matrix(names.scalarHead, [1, hiddenSize], 1 / Math.sqrt(hiddenSize + 1));
  } else if (!config.tiedHead) {
    matrix(names.languageModelHead, [vocabularySize, hiddenSize]);
  }
  return [...specifications, ...adapter];
}

/** Name to shape of every parameter; a tied head is not among them. */
export function parameterShapes(config: ModelConfig, head: Head): ReadonlyMap<string, readonly number[]> {
  return new Map(parameterSpecifications(config, head).map(({ name, shape }) => [name, shape]));
}

/**
 * Whether weight decay applies to a parameter: to matrices and embeddings, not to biases and norms.
 * @see transformers' `Trainer.get_decay_parameter_names`; in these families what it leaves out are the vectors.
 */
export function isDecayParameter(name: string, shape: readonly number[]): boolean {
  return shape.length >= 2 && !name.endsWith(".bias");
}

/** The family's definition of a config. */
export function definitionOf(config: ModelConfig): FamilyDefinition {
  const family = findFamily(config.family);
  if (family === undefined) {
    throw new ConfigError(`model config: unknown family ${JSON.stringify(config.family)}`);
  }
  return family;
}

function layerNames(config: ModelConfig, family: FamilyDefinition, prefix: string): LayerNames {
  const { attention, mlp } = config;
  const { layer } = family.modules;
  const path = (module: string | undefined, part: string) => `${prefix}.${required(family, module, part)}`;
  const linear = (given: string | undefined, part: string, bias: boolean): LinearNames => {
    const module = path(given, part);
    const hasAdapter = config.lora !== null && isLoraTarget(config.lora.targets, module);
    return {
      module,
      weight: `${module}.weight`,
      bias: bias ? `${module}.bias` : null,
      lora: hasAdapter ? { down: `${module}.lora_A.weight`, up: `${module}.lora_B.weight` } : null,
    };
  };
  const norm = (module: string | undefined, part: string) => normNames(config, path(module, part));
  const projection: ProjectionNames =
    attention.projection === "separate"
      ? {
          kind: "separate",
          query: linear(layer.query, "query", attention.projectionBias),
          key: linear(layer.key, "key", attention.projectionBias),
          value: linear(layer.value, "value", attention.projectionBias),
        }
      : {
          kind: "fused",
          queryKeyValue: linear(layer.queryKeyValue, "queryKeyValue", attention.projectionBias),
        };
  return {
    attentionNorm: norm(layer.attentionNorm, "attentionNorm"),
    projection,
    queryNorm: attention.queryKeyNorm
      ? { weight: `${path(layer.queryNorm, "queryNorm")}.weight`, bias: null }
      : null,
    keyNorm: attention.queryKeyNorm
      ? { weight: `${path(layer.keyNorm, "keyNorm")}.weight`, bias: null }
      : null,
    attentionOutput: linear(layer.attentionOutput, "attentionOutput", attention.outputBias),
    mlpNorm: norm(layer.mlpNorm, "mlpNorm"),
    mlpGate: mlp.kind === "gated" ? linear(layer.mlpGate, "mlpGate", mlp.bias) : null,
    mlpUp: linear(layer.mlpUp, "mlpUp", mlp.bias),
    mlpDown: linear(layer.mlpDown, "mlpDown", mlp.bias),
  };
}

function normNames(config: ModelConfig, module: string): NormNames {
  return { weight: `${module}.weight`, bias: config.norm.kind === "layer_norm" ? `${module}.bias` : null };
}

function required(family: FamilyDefinition, module: string | undefined, part: string): string {
  if (module === undefined) {
    throw new ConfigError(
      `family ${family.name}: its declaration names no module for ${part}, but its config has one`,
    );
  }
  return module;
}
