import { apply } from "../ops/build.js";
import type { Tensor } from "../tensor.js";
import { float32, type HostTensor } from "../types.js";

/** Settings that are fixed for a training run. */
export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled decay, applied to the parameters for which `decays` holds. */
  readonly weightDecay: number;
  /** Which parameters decay, by name and shape. */
  readonly decays: (name: string, shape: readonly number[]) => boolean;
  /**
   * Where epsilon stands. `pytorch`: `lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps)`.
   * `tensorflow`: `lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps)`, as OpenAI's code.
   * @see Kingma and Ba 2015, end of section 2
   */
  readonly epsilonForm: "pytorch" | "tensorflow";
  /** Gradients are scaled by `min(1, maxGradNorm / (norm + 1e-6))`; `undefined` leaves them. */
  readonly maxGradNorm: number | undefined;
}

/** Tensors by name. */
export type TensorRecord = Readonly<Record<string, Tensor>>;

/** What changes from step to step; made on the host in double precision. */
export interface AdamWScalars<T> {
  readonly learningRate: T;
  readonly stepSize: T;
  readonly denominatorScale: T;
  readonly gradientScale: T;
}

/**
 * Scalars of one step.
 * @param step - the first is 1
 * @param learningRate - of this step
 * @param gradNorm - global 2-norm of the gradients, before clipping
 */
export function adamWScalars(
  settings: AdamWSettings,
  step: number,
  learningRate: number,
  gradNorm: number,
): AdamWScalars<HostTensor> {
  const correction1 = 1 - settings.beta1 ** step;
  const root2 = Math.sqrt(1 - settings.beta2 ** step);
  const [stepSize, denominatorScale] =
    settings.epsilonForm === "pytorch"
      ? [learningRate / correction1, 1 / root2]
      : [(learningRate * root2) / correction1, 1];
  const gradientScale =
    settings.maxGradNorm === undefined ? 1 : Math.min(1, settings.maxGradNorm / (gradNorm + 1e-6));
  const scalar = (value: number) => float32([value], []);
  return {
    learningRate: scalar(learningRate),
    stepSize: scalar(stepSize),
    denominatorScale: scalar(denominatorScale),
    gradientScale: scalar(gradientScale),
  };
}

/** What a step overwrites. */
export interface AdamWTensors {
  readonly parameters: TensorRecord;
  /** First moment. */
  readonly m: TensorRecord;
  /** Second moment. */
  readonly v: TensorRecord;
}

/**
 * One step of Adam with decoupled weight decay, to be traced.
 * @see Loshchilov and Hutter 2019, algorithm 2
 */
export function adamWStep(
  settings: AdamWSettings,
  before: AdamWTensors,
  gradients: TensorRecord,
  scalars: AdamWScalars<Tensor>,
): AdamWTensors {
  const { beta1, beta2, epsilon } = settings;
  const after = {
    parameters: {} as Record<string, Tensor>,
    m: {} as Record<string, Tensor>,
    v: {} as Record<string, Tensor>,
  };
  for (const [name, gradient] of Object.entries(gradients)) {
    const parameter = before.parameters[name] as Tensor;
    const weightDecay = settings.decays(name, parameter.shape) ? settings.weightDecay : 0;
    const state = [parameter, gradient, before.m[name] as Tensor, before.v[name] as Tensor];
    const settingsOfStep = [
      scalars.learningRate,
      scalars.stepSize,
      scalars.denominatorScale,
      scalars.gradientScale,
    ];
    const [p, m, v] = apply("adamWUpdate", [...state, ...settingsOfStep], {
      beta1,
      beta2,
      epsilon,
      weightDecay,
    });
    after.parameters[name] = p as Tensor;
    after.m[name] = m as Tensor;
    after.v[name] = v as Tensor;
  }
  return after;
}
