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
  type Tensor,
  transpose,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import type { Linear } from "../decoder-layer.js";
import { linearsOf, parameterNames } from "../parameters.js";

/** Core's `linear` for weights `[out, in]`, and fast for those alone. */
const linear: Linear = (x, weight, bias, transposeWeight = true) => {
  const product = transpose(matMul(weight, x, { transposeA: !transposeWeight, transposeB: true }), [1, 0]);
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
  const turn = compileFunction(
    backend,
    ({ weights }: { readonly weights: Readonly<Record<string, Tensor>> }) => ({
      turned: Object.fromEntries(names.map((name) => [name, transpose(weights[name] as Tensor, [1, 0])])),
    }),
  );
  const weights = Object.fromEntries(names.map((name) => [name, parameters[name] as DeviceTensor]));
  const { turned } = await turn({ weights });
  await turn.dispose();
  return {
    parameters: { ...parameters, ...turned },
    dispose() {
      for (const tensor of Object.values(turned)) tensor.dispose();
    },
  };
}
