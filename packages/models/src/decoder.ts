/** One decoder for all families; a family is a declaration of its config fields and its parameter names. */
import {
  add,
  attention,
  linear,
  reshape,
  ShapeMismatchError,
  sameShape,
  type Tensor,
  takeRows,
} from "@alignkit/core";
import type { ModelConfig } from "./config.js";
import {
  type Attend,
  decoderLayer,
  type LayerContext,
  type Linear,
  type Mlp,
  mlpBlock,
  norm,
  type ParameterTensors,
  parameterOf,
  type RealTokens,
} from "./decoder-layer.js";
import type { ResidualMasks } from "./dropout.js";
import { causalMask } from "./masks.js";
import { type ParameterNames, parameterNames } from "./parameters.js";
import { rotaryAngles } from "./rotary-frequencies.js";

/** Tokens and where they stand. */
export interface TokenInputs {
  /** int32 `[B, T]` */
  readonly inputIds: Tensor;
  /** int32 `[B, T]`; anything within the model's range at padding */
  readonly positionIds: Tensor;
}

/** What the decoder reads: tokens, and where each may look. */
export interface DecoderInputs extends TokenInputs {
  /**
   * Additive, `[B or 1, 1, T, T]`, causality included; without one, attention is causal, which is enough for
   * right-padded rows. See masks.ts for left padding and packing.
   */
  readonly mask?: Tensor;
  /**
   * Queries that attention takes at once, where T is fixed: less work, and no attention weights are kept for the backward
   * pass. All unless given.
   */
  readonly attentionBlock?: number | undefined;
  /** int32 `[M]`: `b * T + t` of the tokens whose states are wanted; all unless given. */
  readonly rows?: Tensor;
  /** Without it padding is computed like the rest. Goes with `rows`, none of which is padding. */
  readonly real?: RealTokens | undefined;
  /** In training, for residual dropout; see dropout.ts. */
  readonly residualMasks?: ResidualMasks<Tensor>;
}

/**
 * The decoder's output after the final norm, one row per token. The last layer computes beyond attention what is wanted
 * only: at a reward model's single token, a sixteenth less of the whole.
 * @returns `[M, D]` of the wanted tokens; of all, `[B * T, D]` with token t of row b at `b * T + t`
 * @throws {ShapeMismatchError} when inputs or parameters do not fit the config
 * @throws {ConfigError} when a parameter is missing
 */
export function hiddenStates(
  config: ModelConfig,
  parameters: ParameterTensors,
  { mask, attentionBlock, rows, real, residualMasks, ...tokens }: DecoderInputs,
): Tensor {
  const [batch, length] = tokens.inputIds.shape as [number, number];
  const shared = mask ?? causalMask(length, config.attention.slidingWindow);
  const attend: Attend = (_, { queries, keys, values }, scale) =>
    attention(queries, keys, values, shared, scale, attentionBlock);
  const wanted = rows && real ? takeRows(reshape(real.spread, [batch * length]), rows) : rows;
  return runDecoder(config, parameters, tokens, attend, { rows: wanted, real, residualMasks });
}

/** What may differ between passes of one decoder. */
export interface DecoderSettings {
  /** As in {@link DecoderInputs}; with `real`, which of those tokens. */
  readonly rows?: Tensor | undefined;
  readonly real?: RealTokens | undefined;
  readonly residualMasks?: ResidualMasks<Tensor> | undefined;
  /** Those of `config` by default; `linearLayout` says how the given weights lie. */
  readonly names?: ParameterNames | undefined;
  /** Core's by default. */
  readonly linear?: Linear | undefined;
  /** That of decoder-layer.ts by default. */
  readonly mlp?: Mlp | undefined;
}

/** The decoder around a given attention; `[M, D]` of the wanted tokens, `[B * T, D]` of all, `[N, D]` of the real ones. */
export function runDecoder(
  config: ModelConfig,
  parameters: ParameterTensors,
  { inputIds, positionIds }: TokenInputs,
  attend: Attend,
  settings: DecoderSettings = {},
): Tensor {
  checkTokens(inputIds, positionIds);
  const [batch, length] = inputIds.shape as [number, number];
  const { names = parameterNames(config), rows, residualMasks, real } = settings;

  // 1. Embeddings
  const embed = (table: string, ids: Tensor): Tensor => {
    const all = reshape(ids, [batch * length]);
    return takeRows(parameterOf(parameters, table), real === undefined ? all : takeRows(all, real.places));
  };
  const embedded = embed(names.tokenEmbedding, inputIds);
  let x =
    names.positionEmbedding === null ? embedded : add(embedded, embed(names.positionEmbedding, positionIds));

  // 2. Layers
  const angles = config.positions.kind === "rotary" ? rotaryAngles(config.positions, positionIds) : null;
  const context: LayerContext = {
    config,
    names,
    parameters,
    linear: settings.linear ?? linear,
    mlp: settings.mlp ?? mlpBlock,
    batch,
    length,
    real,
    angles,
    attend,
    residualMasks,
  };
  for (let index = 0; index < config.layers; index++) {
    x = decoderLayer(context, index, x, index === config.layers - 1 ? rows : undefined);
  }

  // 3. Final norm
  return norm(context, names.finalNorm, x);
}

function checkTokens(inputIds: Tensor, positionIds: Tensor): void {
  if (inputIds.shape.length === 2 && sameShape(inputIds.shape, positionIds.shape)) return;
  throw new ShapeMismatchError(
    `decoder: inputIds [${inputIds.shape.join(",")}] and positionIds [${positionIds.shape.join(",")}] must both be [B,T]`,
    { inputIds: inputIds.type, positionIds: positionIds.type },
  );
}
