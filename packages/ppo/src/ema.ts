import {
  add,
  type Backend,
  type CompiledFunction,
  compileFunction,
  type DeviceTensor,
  mul,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";

type Parameters = Readonly<Record<string, DeviceTensor>>;

/** Exponential average of parameters, on the backend. */
export interface WeightAverage {
  readonly parameters: Parameters;
  /** `average = decay * average + (1 - decay) * parameters` */
  update(parameters: Parameters): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * @param start - parameters to begin from; taken over
 * @see Ouyang et al. 2022, appendix C.4
 */
export function createWeightAverage(backend: Backend, decay: number, start: Parameters): WeightAverage {
  let average = start;
  const step: CompiledFunction<
    { readonly average: TensorRecord; readonly parameters: TensorRecord },
    TensorRecord
  > = compileFunction(
    backend,
    (given: { readonly average: TensorRecord; readonly parameters: TensorRecord }) =>
      Object.fromEntries(
        Object.keys(given.average).map((name) => [
          name,
          add(mul(given.average[name] as Tensor, decay), mul(given.parameters[name] as Tensor, 1 - decay)),
        ]),
      ),
    { donate: ["average"] },
  );
  return {
    get parameters() {
      return average;
    },
    async update(parameters) {
      average = await step({ average, parameters });
    },
    async dispose() {
      for (const tensor of Object.values(average)) tensor.dispose();
      await step.dispose();
    },
  };
}
