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
  reshape,
  type Tensor,
  transpose,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { activated, type Linear, type Mlp, mlpBlock, parameterOf } from "../decoder-layer.js";
import { type LayerNames, type LinearNames, linearsOf, parameterNames } from "../parameters.js";

/**
 * Rows of a multiple of so many floats begin at the same place of a page, which caches find lines by: those that a
 * product reads side by side put each other out. 16 rows times `[768, 3072]` from memory take 0.35 ms, times
 * `[768, 3096]` 0.31, times `[2304, 1024]` 0.36, times `[2304, 1040]` 0.31 (Zen 5).
 */
const pageOfFloats = 1024;
/** Zeros that such rows get at their end: as many as make whole blocks of the 12 or 6 rows that a product takes at once. */
const moreFloats = 24;

const longerThan = (length: number): number => (length % pageOfFloats === 0 ? length + moreFloats : length);

/** Core's `linear` for weights `[out, in]`, or longer rows that end in zeros, and fast for those alone; biases are `[out, 1]`. */
const linear: Linear = (x, weight, bias, transposeWeight = true) => {
  const longer = transposeWeight ? (weight.shape[1] as number) - (x.shape[1] as number) : 0;
  const rows = longer === 0 ? x : pad(x, [0, 0], [0, longer]);
  const product = matMul(weight, rows, { transposeA: !transposeWeight, transposeB: true });
  return transpose(plus(product, bias), [1, 0]);
};

const plus = (product: Tensor, bias: Tensor | undefined): Tensor =>
  bias === undefined ? product : add(product, bias);

/** The MLP with its inner activations lying as products leave them, `[W, N]`, so that only its result is turned. */
const mlp: Mlp = (context, layer, x) => {
  if (hasAdapter(layer)) return mlpBlock(context, layer, x);
  const { mlpUp, mlpGate, mlpDown } = layer;
  const { config, parameters } = context;
  const product = ({ weight, bias }: LinearNames, of: Tensor, transposeB: boolean): Tensor =>
    plus(
      matMul(parameterOf(parameters, weight), of, { transposeB }),
      bias === null ? undefined : parameterOf(parameters, bias),
    );
  const inner = activated(
    config.mlp,
    product(mlpUp, x, true),
    mlpGate === null ? undefined : product(mlpGate, x, true),
  );
  return transpose(product(mlpDown, inner, false), [1, 0]);
};

const hasAdapter = ({ mlpUp, mlpGate, mlpDown }: LayerNames): boolean =>
  [mlpUp, mlpGate, mlpDown].some((names) => names !== null && names.lora !== null);

/** For a decoder over {@link lyingWeights}. */
export const lyingProducts = (config: ModelConfig) => ({
  linear,
  mlp,
  names: { ...parameterNames(config), linearLayout: "out_in" as const },
});

/** Names of the weights that are `[in, out]`, of which {@link lyingWeights} makes other ones. */
export function transposedWeights(config: ModelConfig): readonly string[] {
  const { layers, linearLayout } = parameterNames(config);
  return linearLayout === "out_in" ? [] : layers.flatMap(linearsOf).map(({ weight }) => weight);
}

/** Parameters with all weights `[out, in]` and all their biases `[out, 1]`. */
export interface LyingWeights {
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  /** Frees what was made; the rest stays the caller's. */
  dispose(): void;
}

export async function lyingWeights(
  backend: Backend,
  config: ModelConfig,
  parameters: Readonly<Record<string, DeviceTensor>>,
): Promise<LyingWeights> {
  const turns = turnsOf(config);
  const names = Object.keys(turns);
  if (names.length === 0) return { parameters, dispose() {} };
  const turnAll = compileFunction(
    backend,
    ({ given }: { readonly given: Readonly<Record<string, Tensor>> }) => ({
      turned: Object.fromEntries(names.map((name) => [name, turns[name]!(given[name] as Tensor)])),
    }),
  );
  const given = Object.fromEntries(names.map((name) => [name, parameters[name] as DeviceTensor]));
  const { turned } = await turnAll({ given });
  await turnAll.dispose();
  return {
    parameters: { ...parameters, ...turned },
    dispose() {
      for (const tensor of Object.values(turned)) tensor.dispose();
    },
  };
}

/** What is made of weights and biases, by name; an MLP's inner activations are as long as the rows that they meet. */
function turnsOf(config: ModelConfig): Readonly<Record<string, (given: Tensor) => Tensor>> {
  const { layers, linearLayout } = parameterNames(config);
  const turns: Record<string, (given: Tensor) => Tensor> = {};
  for (const layer of layers) {
    for (const linear of linearsOf(layer)) {
      const isInner = (linear === layer.mlpUp || linear === layer.mlpGate) && !hasAdapter(layer);
      const outputs = (count: number) => (isInner && linearLayout === "in_out" ? longerThan(count) : count);
      if (linear.bias !== null) {
        turns[linear.bias] = (bias) => {
          const [count] = bias.shape as readonly [number];
          return reshape(pad(bias, [0], [outputs(count) - count]), [outputs(count), 1]);
        };
      }
      if (linearLayout === "out_in") continue;
      turns[linear.weight] = (weight) => {
        const [inputs, count] = weight.shape as readonly [number, number];
        return transpose(pad(weight, [0, 0], [longerThan(inputs) - inputs, outputs(count) - count]), [1, 0]);
      };
    }
  }
  return turns;
}
