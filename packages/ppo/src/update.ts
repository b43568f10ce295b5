import { type Backend, type DeviceTensor, float32, type Optimizer, requireFinite } from "@alignkit/core";
import {
  allowedTensor,
  chunksOf,
  collateEpisodes,
  collateSteps,
  collateTexts,
  perToken,
  targetTensors,
  tokenTensors,
} from "./batch-tensors.js";
import { stepsOf, type TrainingEpisode } from "./episode.js";
import { compileUpdateFunctions, type PtxReduction, type UpdateSettings } from "./functions.js";

/** Figures of one minibatch, before its step. */
export interface UpdateMetrics {
  readonly policyLoss: number;
  /** Policy loss plus the pretraining and entropy terms. */
  readonly policyTotalLoss: number;
  readonly policyGradNorm: number;
  readonly valueLoss: number;
  readonly valueGradNorm: number;
  readonly clipFraction: number;
  readonly valueClipFraction: number;
  readonly approxKl: number;
  readonly approxKlK3: number;
  readonly meanRatio: number;
  readonly entropy: number;
  /** Of the tokens' probabilities now and when they were sampled, absolute: mean and largest. */
  readonly probsDifference: number;
  readonly probsDifferenceMax: number;
  readonly valueError: number;
  readonly meanValue: number;
  readonly ptxLoss: number | undefined;
  /** Norm of the pretraining gradient, times its coefficient, over that of the policy gradient. */
  readonly ptxGradNormRatio: number | undefined;
}

/** Steps on minibatches; frees what it compiled, not the optimizers. */
export interface Updater {
  /**
   * One step of policy and value model.
   * @param texts - pretraining texts as ids, for PPO-ptx; empty for PPO
   * @throws {NonFiniteError} when a loss or a gradient is not finite
   */
  update(
    episodes: readonly TrainingEpisode[],
    texts: readonly Int32Array[],
    rates: { readonly policy: number; readonly value: number },
  ): Promise<UpdateMetrics>;
  dispose(): Promise<void>;
}

type Named<T> = Readonly<Record<string, T>>;
type Gradients = Named<DeviceTensor>;
type Previous = { readonly previous?: Gradients };

/** What the sum of the pretraining loss is divided by. */
const ptxDivisors: { readonly [K in PtxReduction]: (texts: readonly Int32Array[]) => number } = {
  token_mean: (texts) => sumOf(texts, ({ length }) => length - 1),
  sequence_mean: (texts) => texts.length,
  sum: () => 1,
};

/** Compiles the functions of an update; the optimizers stay the caller's. */
export function createUpdater(
  backend: Backend,
  settings: UpdateSettings,
  policy: Optimizer,
  value: Optimizer,
): Updater {
  const { ptxCoefficient, ptxReduction, padTokenId, rowsPerForward } = settings;
  const functions = compileUpdateFunctions(backend, settings);
  const collation = { padTokenId, fewSizes: !backend.dynamicShapes };

  /** Policy gradient over a minibatch. */
  const policyTerms = (episodes: readonly TrainingEpisode[], divisor: number) =>
    overChunks<
      TrainingEpisode,
      | "loss"
      | "total"
      | "clipFraction"
      | "approxKl"
      | "approxKlK3"
      | "meanRatio"
      | "entropy"
      | "probsDifference",
      "probsDifferenceMax"
    >(chunksOf(episodes, rowsPerForward), (chunk, previous) => {
      const batch = collateEpisodes(chunk, collation);
      const old = {
        logProbs: perToken(
          chunk.map(({ oldLogProbs }) => oldLogProbs),
          batch,
        ),
        advantages: perToken(
          chunk.map(({ advantages }) => advantages),
          batch,
        ),
      };
      return functions.policy({
        parameters: policy.parameters,
        tokens: tokenTensors(batch),
        targets: targetTensors(batch),
        old,
        divisor: float32([divisor], []),
        ...allowedTensor(chunk, batch, settings.policyConfig.vocabularySize),
        ...previous,
      });
    });

  /** Value gradient over a minibatch. */
  const valueTerms = (episodes: readonly TrainingEpisode[], divisor: number) =>
    overChunks<TrainingEpisode, "loss" | "clipFraction" | "error" | "meanValue">(
      chunksOf(episodes, rowsPerForward),
      (chunk, previous) => {
        const batch = collateSteps(chunk, collation);
        const old = {
          values: perToken(
            chunk.map(({ oldValues }) => oldValues),
            batch,
          ),
          returns: perToken(
            chunk.map(({ returns }) => returns),
            batch,
          ),
        };
        return functions.value({
          parameters: value.parameters,
          tokens: tokenTensors(batch),
          targets: targetTensors(batch),
          old,
          divisor: float32([divisor], []),
          ...previous,
        });
      },
    );

  /** Gradient of the pretraining term. */
  const pretrainingTerms = (texts: readonly Int32Array[]) => {
    const divisor = ptxDivisors[ptxReduction](texts);
    return overChunks<Int32Array, "loss">(chunksOf(texts, rowsPerForward), (chunk, previous) => {
      const batch = collateTexts(chunk, collation);
      return functions.pretraining({
        parameters: policy.parameters,
        tokens: tokenTensors(batch),
        targets: targetTensors(batch),
        divisor: float32([divisor], []),
        ...previous,
      });
    });
  };

  const normOf = async (gradients: Gradients): Promise<number> =>
    Math.sqrt(
      sumOf(
        Object.values(await readScalars(await functions.squaredNorms({ gradients }))),
        (square) => square,
      ),
    );

  return {
    async update(episodes, texts, rates) {
      const tokens = sumOf(episodes, ({ responseIds }) => responseIds.length);
      const { metrics: p, gradients: policyGradients } = await policyTerms(episodes, tokens);

      // Computed after the policy gradient and added to it (Ouyang et al. 2022, appendix C.4).
      let gradients = policyGradients;
      let ptx: { readonly loss: number; readonly ratio: number } | undefined;
      if (texts.length > 0) {
        const { metrics, gradients: second } = await pretrainingTerms(texts);
        ptx = { loss: metrics.loss, ratio: (await normOf(second)) / (await normOf(policyGradients)) };
        gradients = await functions.sum({ first: policyGradients, second });
      }

      // Gradients of one model at a time are in memory.
      const step = policy.step + 1;
      requireFinite({ "the policy loss": p.total, "the pretraining loss": ptx?.loss }, step);
      const policyGradNorm = await policy.apply(gradients, rates.policy);
      const { metrics: v, gradients: valueGradients } = await valueTerms(episodes, sumOf(episodes, stepsOf));
      requireFinite({ "the value loss": v.loss }, step);
      return {
        policyGradNorm,
        valueGradNorm: await value.apply(valueGradients, rates.value),
        policyLoss: p.loss,
        policyTotalLoss: p.total + ptxCoefficient * (ptx?.loss ?? 0),
        valueLoss: v.loss,
        clipFraction: p.clipFraction,
        valueClipFraction: v.clipFraction,
        approxKl: p.approxKl,
        approxKlK3: p.approxKlK3,
        meanRatio: p.meanRatio,
        entropy: p.entropy,
        probsDifference: p.probsDifference,
        probsDifferenceMax: p.probsDifferenceMax,
        valueError: v.error,
        meanValue: v.meanValue,
        ptxLoss: ptx?.loss,
        ptxGradNormRatio: ptx?.ratio,
      };
    },
    async dispose() {
      for (const compiled of Object.values(functions)) await compiled.dispose();
    },
  };
}

/**
 * Runs a gradient function over micro-batches: gradients and metrics add up, since both are divided by the whole already;
 * of maxima the largest counts.
 */
async function overChunks<T, Metric extends string, Maximum extends string = never>(
  chunks: readonly (readonly T[])[],
  run: (
    chunk: readonly T[],
    previous: Previous,
  ) => Promise<{
    readonly metrics: Readonly<Record<Metric, DeviceTensor>>;
    readonly maxima?: Readonly<Record<Maximum, DeviceTensor>>;
    readonly gradients: Gradients;
  }>,
): Promise<{ readonly metrics: Readonly<Record<Metric | Maximum, number>>; readonly gradients: Gradients }> {
  let gradients: Gradients | undefined;
  const totals: Record<string, number> = {};
  for (const chunk of chunks) {
    const result = await run(chunk, gradients === undefined ? {} : { previous: gradients });
    gradients = result.gradients;
    for (const [name, value] of Object.entries(await readScalars(result.metrics)))
      totals[name] = (totals[name] ?? 0) + value;
    for (const [name, value] of Object.entries(await readScalars(result.maxima ?? {})))
      totals[name] = Math.max(totals[name] ?? value, value);
  }
  if (gradients === undefined) throw new RangeError("a minibatch needs at least one row");
  return { metrics: totals as Record<Metric | Maximum, number>, gradients };
}

/** Reads scalars and frees them. */
async function readScalars(tensors: Named<DeviceTensor>): Promise<Named<number>> {
  const values: Record<string, number> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    values[name] = (await tensor.read()).data[0] as number;
    tensor.dispose();
  }
  return values;
}

const sumOf = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0);
