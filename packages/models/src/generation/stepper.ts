/**
 * Single steps of decoding, with weights in the form that pays.
 *
 * A backend that repacks constants has two. Packed weights are fastest for few rows and in small models, but packing
 * takes time and as much memory as the weights; products that read them as they lie start at once. As with skis, which
 * are rented until the rent has come to their price, weights are packed when the steps so far would have won it back.
 */
import {
  type Backend,
  type CompiledFunction,
  compileFunction,
  type DeviceTensor,
  type HostTensor,
  sizeOf,
} from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { linearsOf, parameterNames } from "../parameters.js";
import { type StepInputs, type StepOutputs, step, stepAxes } from "./decode.js";
import { type LyingWeights, lyingProducts, lyingWeights } from "./lying-products.js";
import { tracesOf } from "./traces.js";

/**
 * Lying products take as long for 1 row as for 10, packed ones a time per row. A step at 124M on 2 cores with AVX-512, lying
 * and packed, in ms: 16.0 and 12.0 for 1 row, 17.4 and 14.7 for 4, 18.1 and 16.3 for 6, 17.1 and 17.9 for 8, 20 and 26
 * for 16; packing takes 430 ms. With AVX2 packed ones win up to 16 rows, and twice as much for few. Packed weights are
 * memory as large as the model, so where the two are near each other the weights stay as they lie: each row that a step
 * is short of 6 counts as 0.8 ms lost, and each row above as 0.8 ms won.
 */
export const rowsAtPar = 6;
const packingCost = 560;

/**
 * In small models lying products lose for more rows as well: with 5M parameters and AVX2 0.3 ms of 2 for 16, where
 * packing takes 27 ms. So 64 tokens of 16 rows take 0.94 of the time that they take with weights packed for them.
 */
const rowsAtParOfSmall = 22;

type Step = CompiledFunction<StepInputs, StepOutputs>;
type StepArguments = Omit<Parameters<Step>[0], "ids" | "parameters"> & { readonly ids: HostTensor };

export interface Stepper {
  /** Tells that so many steps of so many rows are about to come. */
  expect(rows: number, steps: number): void;
  /** Appends a token to each row. */
  step(inputs: StepArguments): ReturnType<Step>;
  dispose(): Promise<void>;
}

/** @param parameters - stay the caller's, and must live as long */
export function createStepper(
  backend: Backend,
  config: ModelConfig,
  parameters: Readonly<Record<string, DeviceTensor>>,
): Stepper {
  const common = { donate: ["cache"], dynamic: stepAxes, rows: "batch" } as const;
  const bound: Step = compileFunction(backend, (inputs: StepInputs) => step(config, inputs), {
    ...common,
    constants: { parameters },
    traces: tracesOf(config, "step"),
  });
  const { repackingCostsFrom } = backend;
  if (repackingCostsFrom === undefined) {
    return { expect() {}, step: bound, dispose: () => bound.dispose() };
  }

  const products = lyingProducts(config);
  const lying: Step = compileFunction(backend, (inputs: StepInputs) => step(config, inputs, products), {
    ...common,
    traces: tracesOf(config, "lying_step"),
  });
  let weights: Promise<LyingWeights> | undefined;
  let lyingSteps: Promise<unknown> = Promise.resolve();
  let lost = 0;
  const par = meanSize(config, parameters) < repackingCostsFrom ? rowsAtParOfSmall : rowsAtPar;
  let left: Promise<void> | undefined;
  const leaveLying = async () => {
    await lyingSteps;
    await lying.dispose();
    (await weights)?.dispose();
  };

  return {
    expect(rows, steps) {
      if (lost + steps * (par - rows) >= packingCost) lost = packingCost;
    },
    async step(inputs) {
      if (lost >= packingCost) {
        left ??= leaveLying();
        await left;
        return bound(inputs);
      }
      lost = Math.max(0, lost + par - (inputs.ids.type.shape[0] as number));
      weights ??= lyingWeights(backend, config, parameters);
      const run = weights.then((own) => lying({ ...inputs, parameters: own.parameters }));
      // Other batches of the generator may run beside this one.
      lyingSteps = Promise.allSettled([lyingSteps, run]);
      return run;
    },
    async dispose() {
      left ??= leaveLying();
      await left;
      await bound.dispose();
    },
  };
}

/** Elements of a matrix of the layers, on average. */
function meanSize(config: ModelConfig, parameters: Readonly<Record<string, DeviceTensor>>): number {
  const names = parameterNames(config).layers.flatMap(linearsOf);
  const sizes = names.map(({ weight }) => sizeOf((parameters[weight] as DeviceTensor).type.shape));
  return sizes.reduce((total, size) => total + size, 0) / sizes.length;
}
