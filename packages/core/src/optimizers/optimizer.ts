import type { Backend, DeviceTensor } from "../backend.js";
import { compileFunction } from "../compile.js";
import { NonFiniteError } from "../finite.js";
import { sumSquares } from "../ops/build.js";
import type { Tensor } from "../tensor.js";
import { float32, type HostTensor, sizeOf } from "../types.js";
import {
  type AdamWScalars,
  type AdamWSettings,
  type AdamWTensors,
  adamWScalars,
  adamWStep,
  type TensorRecord,
} from "./adamw.js";

type Named<T> = Readonly<Record<string, T>>;

/** All that an optimizer needs to go on: parameters, moments, number of steps done. */
export interface OptimizerSnapshot {
  readonly parameters: Named<HostTensor>;
  readonly m: Named<HostTensor>;
  readonly v: Named<HostTensor>;
  readonly step: number;
}

/** Trained parameters on a backend, with the state of their AdamW, both of which it owns; and frozen ones beside them. */
export interface Optimizer {
  /** The current ones, frozen ones among them; each step replaces the others, so read this anew after a step. */
  readonly parameters: Named<DeviceTensor>;
  /** Those that steps change; gradients are expected of these. */
  readonly trained: Named<DeviceTensor>;
  /** First and second moments, for checkpoints; replaced by each step. */
  readonly moments: { readonly m: Named<DeviceTensor>; readonly v: Named<DeviceTensor> };
  /** Steps done. */
  readonly step: number;
  /**
   * Applies one step and consumes the gradients.
   * @param gradients - one per trained parameter
   * @param learningRate - of this step
   * @returns the global 2-norm of the gradients before clipping
   * @throws {NonFiniteError} when a gradient is not finite; nothing was changed then
   */
  apply(gradients: Named<DeviceTensor>, learningRate: number): Promise<number>;
  snapshot(): Promise<OptimizerSnapshot>;
  dispose(): Promise<void>;
}

/**
 * Puts parameters on the backend, with fresh moments or those of a snapshot.
 * @param frozen - further parameters of the model; they stay the caller's
 */
export async function createOptimizer(
  backend: Backend,
  settings: AdamWSettings,
  start: Named<HostTensor> | OptimizerSnapshot,
  frozen: Named<DeviceTensor> = {},
): Promise<Optimizer> {
  const snapshot = isSnapshot(start)
    ? start
    : { parameters: start, m: zerosLike(start), v: zerosLike(start), step: 0 };
  let state: { readonly [K in keyof AdamWTensors]: Named<DeviceTensor> } = {
    parameters: await uploadAll(backend, snapshot.parameters),
    m: await uploadAll(backend, snapshot.m),
    v: await uploadAll(backend, snapshot.v),
  };
  let step = snapshot.step;
  const squares = compileFunction(backend, ({ gradients }: { readonly gradients: TensorRecord }) =>
    Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, sumSquares(gradient)])),
  );
  const update = compileFunction(
    backend,
    ({
      state: before,
      gradients,
      scalars,
    }: {
      readonly state: AdamWTensors;
      readonly gradients: TensorRecord;
      readonly scalars: AdamWScalars<Tensor>;
    }) => adamWStep(settings, before, gradients, scalars),
    { donate: ["state", "gradients"] },
  );

  return {
    get parameters() {
      return { ...frozen, ...state.parameters };
    },
    get trained() {
      return state.parameters;
    },
    get moments() {
      return { m: state.m, v: state.v };
    },
    get step() {
      return step;
    },
    async apply(gradients, learningRate) {
      const gradNorm = await globalNorm(await squares({ gradients }), step + 1);
      const scalars = adamWScalars(settings, step + 1, learningRate, gradNorm);
      state = await update({ state, gradients, scalars });
      step += 1;
      return gradNorm;
    },
    async snapshot() {
      return {
        parameters: await readAll(state.parameters),
        m: await readAll(state.m),
        v: await readAll(state.v),
        step,
      };
    },
    async dispose() {
      for (const group of Object.values(state)) disposeAll(group);
      await squares.dispose();
      await update.dispose();
    },
  };
}

/** Square root of the sum over all tensors, in double precision. */
async function globalNorm(squares: Named<DeviceTensor>, step: number): Promise<number> {
  let total = 0;
  for (const [name, tensor] of Object.entries(squares)) {
    const square = (await tensor.read()).data[0] as number;
    tensor.dispose();
    if (!Number.isFinite(square)) throw new NonFiniteError(`the gradient of ${name}`, step);
    total += square;
  }
  return Math.sqrt(total);
}

function isSnapshot(start: Named<HostTensor> | OptimizerSnapshot): start is OptimizerSnapshot {
  return typeof start.step === "number";
}

function zerosLike(tensors: Named<HostTensor>): Named<HostTensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type }]) => [
      name,
      float32(new Float32Array(sizeOf(type.shape)), type.shape),
    ]),
  );
}

/** Copies every tensor to the backend; the caller owns the results. */
export async function uploadAll(backend: Backend, tensors: Named<HostTensor>): Promise<Named<DeviceTensor>> {
  const uploaded: Record<string, DeviceTensor> = {};
  for (const [name, tensor] of Object.entries(tensors)) uploaded[name] = await backend.upload(tensor);
  return uploaded;
}

/** Copies every tensor to the host. */
export async function readAll(tensors: Named<DeviceTensor>): Promise<Named<HostTensor>> {
  const read: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(tensors)) read[name] = await tensor.read();
  return read;
}

/** Frees each of them. */
export function disposeAll(tensors: Named<DeviceTensor>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
