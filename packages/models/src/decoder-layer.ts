/** The parts of a decoder layer, on rows `[N, D]`: one per token, `N = B * T` unless padding is left out. */
import {
  add,
  ConfigError,
  checkpoint,
  collectRows,
  concat,
  exactDivide,
  gelu,
  layerNorm,
  type linear,
  mul,
  reshape,
  rmsNorm,
  rotary,
  silu,
  slice,
  spreadRows,
  type Tensor,
  takeRows,
  transpose,
} from "@alignkit/core";
import type { AttentionConfig, MlpConfig, ModelConfig } from "./config.js";
import type { ResidualMasks } from "./dropout.js";
import { loraScaling } from "./lora-config.js";
import type { LayerNames, LinearNames, NormNames, ParameterNames } from "./parameters.js";

/** Parameters while tracing, by Hugging Face's names. */
export type ParameterTensors = Readonly<Record<string, Tensor>>;

/** Cosine and sine of the rotary angles, `[B, 1, T, R]` each. */
export interface RotaryAngles {
  readonly cosine: Tensor;
  readonly sine: Tensor;
}

/** Queries `[B, H, T, Dh]`, keys and values `[B, G, T, Dh]`, rotated where the model does. */
export interface Projections {
  readonly queries: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * The tokens of a `[B, T]` batch that are computed, where the others are padding: rows are then `[N, D]`, and only
 * attention sees the batch.
 */
export interface RealTokens {
  /** int32 `[N]`: `b * T + t` of each. */
  readonly places: Tensor;
  /** int32 `[B, T]`: which of the N stands at each place; any of them at padding. */
  readonly spread: Tensor;
}

/** Rows times a weight, as core's `linear` in some order of its own. */
export type Linear = typeof linear;

/** The MLP of a layer: `[N, D]` to `[N, D]`. */
export type Mlp = typeof mlpBlock;

/** Scaled dot-product attention of one layer: `[B, H, T, Dh]`. */
export type Attend = (layer: number, projections: Projections, scale: number) => Tensor;

/** What all layers of one forward pass share. */
export interface LayerContext {
  readonly config: ModelConfig;
  readonly names: ParameterNames;
  readonly parameters: ParameterTensors;
  readonly linear: Linear;
  readonly mlp: Mlp;
  readonly batch: number;
  readonly length: number;
  /** Undefined where all tokens are computed, `N = B * T`. */
  readonly real: RealTokens | undefined;
  /** Null with learned positions. */
  readonly angles: RotaryAngles | null;
  readonly attend: Attend;
  /** Undefined outside training. */
  readonly residualMasks: ResidualMasks<Tensor> | undefined;
}

/** @throws {ConfigError} when there is none of that name */
export function parameterOf(parameters: ParameterTensors, name: string): Tensor {
  const parameter = parameters[name];
  if (parameter === undefined) {
    const given = Object.keys(parameters);
    throw new ConfigError(`parameter ${name} is missing; ${given.length} were given: ${given.join(", ")}`);
  }
  return parameter;
}

/**
 * One layer with its residual connections: `[N, D]` to `[N, D]`.
 * @param rows - int32 `[M]`: the tokens that are read of this layer, which gives `[M, D]`; all unless given. The others
 * still have keys and values, which those may look at; what follows attention is computed for these alone.
 */
export function decoderLayer(context: LayerContext, index: number, x: Tensor, rows?: Tensor): Tensor {
  const { config, names, batch, length, residualMasks: masks } = context;
  const layer = names.layers[index] as LayerNames;
  const wanted = (all: Tensor) => (rows === undefined ? all : takeRows(all, rows));
  /** A branch after dropout, whose mask is `[B, T, D]`. */
  const dropped = (branch: Tensor, mask: Tensor | undefined) =>
    mask === undefined
      ? branch
      : mul(branch, wanted(realRows(context, reshape(mask, [batch * length, config.hiddenSize]))));

  const attended = wanted(attentionBlock(context, index, layer, norm(context, layer.attentionNorm, x)));
  const stream = wanted(x);
  const residual = add(
    stream,
    dropped(project(context, layer.attentionOutput, attended), masks?.attention[index]),
  );
  const mlpInput = norm(context, layer.mlpNorm, config.parallelResidual ? stream : residual);
  return add(residual, dropped(context.mlp(context, layer, mlpInput), masks?.mlp[index]));
}

/** The model's norm over the last axis. */
export function norm({ config, parameters }: LayerContext, names: NormNames, x: Tensor): Tensor {
  const weight = parameterOf(parameters, names.weight);
  return names.bias === null
    ? rmsNorm(x, weight, config.norm.epsilon)
    : layerNorm(x, weight, parameterOf(parameters, names.bias), config.norm.epsilon);
}

function project(context: LayerContext, { weight, bias, lora }: LinearNames, x: Tensor): Tensor {
  const { config, names, parameters } = context;
  const biasTensor = bias === null ? undefined : parameterOf(parameters, bias);
  const isOutIn = names.linearLayout === "out_in";
  const whole = context.linear(x, parameterOf(parameters, weight), biasTensor, isOutIn);
  if (lora === null || config.lora === null) return whole;
  const inner = context.linear(x, parameterOf(parameters, lora.down));
  return add(whole, mul(context.linear(inner, parameterOf(parameters, lora.up)), loraScaling(config.lora)));
}

/** `[N, H * Dh]`, before the projection that ends the block. */
function attentionBlock(context: LayerContext, index: number, layer: LayerNames, x: Tensor): Tensor {
  const { heads, headDimension } = context.config.attention;
  const projected = splitHeads(context, layer, x);
  const queries = positioned(context, layer.queryNorm, projected.queries);
  const keys = positioned(context, layer.keyNorm, projected.keys);
  const attended = context.attend(
    index,
    { queries, keys, values: projected.values },
    1 / Math.sqrt(headDimension),
  );
  const { batch, length } = context;
  const rows = reshape(transpose(attended, [0, 2, 1, 3]), [batch * length, heads * headDimension]);
  return realRows(context, rows);
}

/** `[B * T, W]` to `[N, W]`. */
const realRows = ({ batch, length, real }: LayerContext, rows: Tensor): Tensor =>
  real === undefined ? rows : collectRows(rows, real.places, reshape(real.spread, [batch * length]));

/** `[N, W]` to `[B * T, W]`. */
const batchRows = ({ batch, length, real }: LayerContext, rows: Tensor): Tensor =>
  real === undefined ? rows : spreadRows(rows, reshape(real.spread, [batch * length]), real.places);

function splitHeads(context: LayerContext, { projection }: LayerNames, x: Tensor): Projections {
  const { attention } = context.config;
  const split = (rows: Tensor, heads: number) => toHeads(context, batchRows(context, rows), heads);
  if (projection.kind === "separate") {
    return {
      queries: split(project(context, projection.query, x), attention.heads),
      keys: split(project(context, projection.key, x), attention.keyValueHeads),
      values: split(project(context, projection.value, x), attention.keyValueHeads),
    };
  }
  const fused = batchRows(context, project(context, projection.queryKeyValue, x));
  return attention.projection === "interleaved"
    ? splitInterleaved(context, fused, attention)
    : splitConcatenated(context, fused, attention);
}

/** All queries, then all keys, then all values. */
function splitConcatenated(context: LayerContext, fused: Tensor, attention: AttentionConfig): Projections {
  const { heads, keyValueHeads, headDimension } = attention;
  const queryEnd = heads * headDimension;
  const keyEnd = queryEnd + keyValueHeads * headDimension;
  return {
    queries: toHeads(context, slice(fused, 1, 0, queryEnd), heads),
    keys: toHeads(context, slice(fused, 1, queryEnd, keyEnd), keyValueHeads),
    values: toHeads(context, slice(fused, 1, keyEnd, keyEnd + keyValueHeads * headDimension), keyValueHeads),
  };
}

/** Query, key and value of the first head, then of the second, and so on. */
function splitInterleaved(context: LayerContext, fused: Tensor, attention: AttentionConfig): Projections {
  const { heads, keyValueHeads, headDimension } = attention;
  if (heads !== keyValueHeads) {
    throw new ConfigError(
      `an interleaved projection has as many key-value heads as heads; got ${keyValueHeads} and ${heads}`,
    );
  }
  const perHead = toHeads(context, fused, heads);
  const [queries, keys, values] = [0, 1, 2].map((part) =>
    slice(perHead, 3, part * headDimension, (part + 1) * headDimension),
  ) as [Tensor, Tensor, Tensor];
  return { queries, keys, values };
}

/** `[B * T, heads * W]` to `[B, heads, T, W]` */
function toHeads({ batch, length }: LayerContext, rows: Tensor, heads: number): Tensor {
  const width = exactDivide(rows.shape[1] as number, heads, "projection width per head");
  return transpose(reshape(rows, [batch, length, heads, width]), [0, 2, 1, 3]);
}

/** Queries or keys, normed where the model does, then turned by their positions. */
function positioned(context: LayerContext, names: NormNames | null, x: Tensor): Tensor {
  const normed = names === null ? x : norm(context, names, x);
  if (context.angles === null) return normed;
  const { cosine, sine } = context.angles;
  const turning = cosine.shape[3] as number;
  const width = x.shape[3] as number;
  if (turning === width) return rotary(normed, cosine, sine);
  return concat([rotary(slice(normed, 3, 0, turning), cosine, sine), slice(normed, 3, turning, width)], 3);
}

const activations: { readonly [K in MlpConfig["activation"]]: (x: Tensor) => Tensor } = {
  gelu_new: (x) => gelu(x, "tanh"),
  gelu: (x) => gelu(x, "none"),
  silu,
};

/** What lies between the projections of an MLP. @param gate - in a gated one */
export function activated({ activation }: MlpConfig, up: Tensor, gate: Tensor | undefined): Tensor {
  const activate = activations[activation];
  return gate === undefined ? activate(up) : mul(activate(gate), up);
}

/**
 * What lies between the projections is the widest of a layer and cheap: in the backward pass it is computed once more
 * instead of kept.
 */
export function mlpBlock(context: LayerContext, { mlpUp, mlpGate, mlpDown }: LayerNames, x: Tensor): Tensor {
  const { weight, bias, lora } = mlpDown;
  const names = [weight, bias, lora?.down, lora?.up].filter((name) => typeof name === "string");
  // All that the part reads is handed in.
  const finish = checkpoint((...tensors) => {
    const parameters = Object.fromEntries(names.map((name, index) => [name, tensors[index] as Tensor]));
    const [up, gate] = tensors.slice(names.length) as [Tensor, Tensor?];
    return [project({ ...context, parameters }, mlpDown, activated(context.config.mlp, up, gate))];
  });
  const weights = names.map((name) => parameterOf(context.parameters, name));
  const widened = [mlpUp, ...(mlpGate === null ? [] : [mlpGate])].map((linear) =>
    project(context, linear, x),
  );
  return finish(...weights, ...widened)[0] as Tensor;
}
