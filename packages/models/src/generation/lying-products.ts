/**
 * Products with few rows that read weights as they lie, `x W' = (W x')'` with `W` `[out, in]`: a library of matrix
 * products repacks its second operand, which here is the few rows, and takes the first as it is.
 */
import {
  add,
  type Backend,
  compileFunction,
  type DeviceTensor,
  matMul,
  pad,
  type Tensor,
  transpose,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import type { Linear } from "../decoder-layer.js";
import { linearsOf, parameterNames } from "../parameters.js";

/**
 * Rows of a multiple of so many floats begin at the same place of a page, which caches find lines by: those that a
 * product reads side by side put each other out. 16 rows times `[768, 3072]` from memory take 0.35 ms, times
 * `[768, 3088]` 0.31, times `[2304, 1024]` 0.36, times `[2304, 1040]` 0.31 (Zen 5).
 */
const pageOfFloats = 1024;
/** Floats of a line of the cache: zeros that weights have at the end of such rows. */
const lineOfFloats = 16;

/** Core's `linear` for weights `[out, in]`, or longer rows that end in zeros, and fast for those alone. */
const linear: Linear = (x, weight, bias, transposeWeight = true) => {
  const longer = transposeWeight ? (weight.shape[1] as number) - (x.shape[1] as number) : 0;
  const rows = longer === 0 ? x : pad(x, [0, 0], [0, longer]);
  const product = transpose(matMul(weight, rows, { transposeA: !transposeWeight, transposeB: true }), [1, 0]);
  return bias === undefined ? product : add(product, bias);
};

/** For a decoder over {@link lyingWeights}. */
export const lyingProducts = (config: ModelConfig) => ({
  linear,
  names: { ...parameterNames(config), linearLayout: "out_in" as const },
});

/** Names of the weights that are `[in, out]`, of which {@link lyingWeights} makes other ones. */
export function transposedWeights(config: ModelConfig): readonly string[] {
  const { layers, linearLayout } = parameterNames(config);
  return linearLayout === "out_in" ? [] : layers.flatMap(linearsOf).map(({ weight }) => weight);
}

/** Parameters with all weights `[out, in]`. */
export interface LyingWeights {
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  /** Frees what was transposed; the rest stays the caller's. */
  dispose(): void;
}

export async function lyingWeights(
  backend: Backend,
  config: ModelConfig,
  parameters: Readonly<Record<string, DeviceTensor>>,
): Promise<LyingWeights> {
  const names = transposedWeights(config);
  if (names.length === 0) return { parameters, dispose() {} };
  const turnAll = compileFunction(
    backend,
    ({ weights }: { readonly weights: Readonly<Record<string, Tensor>> }) => ({
      turned: Object.fromEntries(names.map((name) => [name, turn(weights[name] as Tensor)])),
    }),
  );
  const weights = Object.fromEntries(names.map((name) => [name, parameters[name] as DeviceTensor]));
  const { turned } = await turnAll({ weights });
  await turnAll.dispose();
  return {
    parameters: { ...parameters, ...turned },
    dispose() {
      for (const tensor of Object.values(turned)) tensor.dispose();
    },
  };
}

/** `[in, out]` as `[out, in]`, with longer rows where those would hinder each other. */
function turn(weight: Tensor): Tensor {
  const hinders = (weight.shape[0] as number) % pageOfFloats === 0;
  return transpose(hinders ? pad(weight, [0, 0], [lineOfFloats, 0]) : weight, [1, 0]);
}
