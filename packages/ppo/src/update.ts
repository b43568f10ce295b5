import {
  accumulatedGradients,
  add,
  type Backend,
  compileFunction,
  type DeviceTensor,
  float32,
  type HostTensor,
  int32,
  mul,
  type Optimizer,
  sub,
  sumSquares,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import type { Batch } from "@alignkit/data";
import { hiddenStates, type ModelConfig, scalarScores, tokenLogProbs } from "@alignkit/models";
import { collateEpisodes, collateTexts, flattenTokens, type TrainingEpisode } from "./episode.js";
import { meanOverTokens, policyLoss, pretrainingLoss, valueLoss } from "./losses.js";

export interface UpdateSettings {
  readonly policyConfig: ModelConfig;
  readonly valueConfig: ModelConfig;
  /** Stands at padding, where nothing looks. */
  readonly padTokenId: number;
  readonly temperature: number;
  readonly clipRange: number;
  readonly clipRangeValue: number | undefined;
  readonly entropyCoefficient: number;
  /** gamma of eq. 2. */
  readonly ptxCoefficient: number;
  /** `token_mean` divides the pretraining loss by its tokens, `sequence_mean` by its texts (the sum over a text's tokens). */
  readonly ptxReduction: "token_mean" | "sequence_mean";
  /** Rows of one forward pass; a minibatch is split into as many as it takes. */
  readonly rowsPerForward: number;
}

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
   */
  update(
    episodes: readonly TrainingEpisode[],
    texts: readonly Int32Array[],
    rates: { readonly policy: number; readonly value: number },
  ): Promise<UpdateMetrics>;
  dispose(): Promise<void>;
}

interface BatchTensors {
  readonly inputIds: Tensor;
  readonly positionIds: Tensor;
  readonly rows: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
}

type Named<T> = Readonly<Record<string, T>>;

export function createUpdater(
  backend: Backend,
  settings: UpdateSettings,
  policy: Optimizer,
  value: Optimizer,
): Updater {
  const {
    policyConfig,
    valueConfig,
    clipRange,
    clipRangeValue,
    entropyCoefficient,
    ptxCoefficient,
    temperature,
    padTokenId,
    rowsPerForward,
  } = settings;

  const policyGradients = compileFunction(
    backend,
    ({
      parameters,
      batch,
      old,
      tokens,
      previous,
    }: {
      readonly parameters: TensorRecord;
      readonly batch: BatchTensors;
      readonly old: { readonly logProbs: Tensor; readonly advantages: Tensor };
      readonly tokens: Tensor;
      readonly previous?: TensorRecord;
    }) => {
      const hidden = hiddenStates(policyConfig, parameters, batch);
      const { logProbs, entropy } = tokenLogProbs(
        policyConfig,
        parameters,
        hidden,
        batch.rows,
        batch.targets,
        temperature,
      );
      const terms = policyLoss({
        logProbs,
        oldLogProbs: old.logProbs,
        advantages: old.advantages,
        mask: batch.weights,
        clipRange,
        tokens,
      });
      const meanEntropy = meanOverTokens(entropy, batch.weights, tokens);
      const total =
        entropyCoefficient === 0 ? terms.loss : sub(terms.loss, mul(meanEntropy, entropyCoefficient));
      return {
        metrics: { ...terms, entropy: meanEntropy, total },
        gradients: accumulatedGradients(total, parameters, previous),
      };
    },
    { donate: ["previous"] },
  );

  const ptxGradients = compileFunction(
    backend,
    ({
      parameters,
      batch,
      divisor,
      previous,
    }: {
      readonly parameters: TensorRecord;
      readonly batch: BatchTensors;
      readonly divisor: Tensor;
      readonly previous?: TensorRecord;
    }) => {
      const hidden = hiddenStates(policyConfig, parameters, batch);
      const { logProbs } = tokenLogProbs(policyConfig, parameters, hidden, batch.rows, batch.targets);
      const loss = pretrainingLoss(logProbs, batch.weights, divisor);
      return {
        metrics: { loss },
        gradients: accumulatedGradients(mul(loss, ptxCoefficient), parameters, previous),
      };
    },
    { donate: ["previous"] },
  );

  const valueGradients = compileFunction(
    backend,
    ({
      parameters,
      batch,
      old,
      tokens,
      previous,
    }: {
      readonly parameters: TensorRecord;
      readonly batch: BatchTensors;
      readonly old: { readonly values: Tensor; readonly returns: Tensor };
      readonly tokens: Tensor;
      readonly previous?: TensorRecord;
    }) => {
      const hidden = hiddenStates(valueConfig, parameters, batch);
      const values = scalarScores(valueConfig, parameters, hidden, batch.rows);
      const terms = valueLoss({
        values,
        oldValues: old.values,
        returns: old.returns,
        mask: batch.weights,
        clipRange: clipRangeValue,
        tokens,
      });
      return { metrics: terms, gradients: accumulatedGradients(terms.loss, parameters, previous) };
    },
    { donate: ["previous"] },
  );

  const squaredNorms = compileFunction(backend, ({ gradients }: { readonly gradients: TensorRecord }) =>
    Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, sumSquares(gradient)])),
  );
  const sum = compileFunction(
    backend,
    ({ first, second }: { readonly first: TensorRecord; readonly second: TensorRecord }) =>
      Object.fromEntries(
        Object.keys(first).map((name) => [name, add(first[name] as Tensor, second[name] as Tensor)]),
      ),
    { donate: ["first", "second"] },
  );
  const normOf = async (gradients: Named<DeviceTensor>): Promise<number> => {
    const squares = await readScalars(await squaredNorms({ gradients }));
    return Math.sqrt(Object.values(squares).reduce((total, square) => total + square, 0));
  };

  return {
    async update(episodes, texts, rates) {
      const chunks = chunksOf(episodes, rowsPerForward);
      const tokens = float32(
        [episodes.reduce((total, { responseIds }) => total + responseIds.length, 0)],
        [],
      );

      // 1. Policy gradient over the minibatch.
      const policyTerms = await accumulateOver(chunks, (chunk, previous) => {
        const batch = collateEpisodes(chunk, padTokenId);
        const old = {
          logProbs: tokenTensor(
            chunk.map(({ oldLogProbs }) => oldLogProbs),
            batch,
          ),
          advantages: tokenTensor(
            chunk.map(({ advantages }) => advantages),
            batch,
          ),
        };
        return policyGradients({
          parameters: policy.parameters,
          batch: toTensors(batch),
          old,
          tokens,
          ...previous,
        });
      });

      // 2. Pretraining gradient, computed after it and added to it (Ouyang et al. 2022, appendix C.4).
      let gradients = policyTerms.gradients;
      let ptx: { readonly loss: number; readonly ratio: number } | undefined;
      if (texts.length > 0) {
        const divisor = float32(
          [
            settings.ptxReduction === "sequence_mean"
              ? texts.length
              : texts.reduce((total, { length }) => total + length - 1, 0),
          ],
          [],
        );
        const ptxTerms = await accumulateOver(chunksOf(texts, rowsPerForward), (chunk, previous) =>
          ptxGradients({
            parameters: policy.parameters,
            batch: toTensors(collateTexts(chunk, padTokenId)),
            divisor,
            ...previous,
          }),
        );
        const ratio = (await normOf(ptxTerms.gradients)) / (await normOf(gradients));
        ptx = { loss: ptxTerms.metrics.loss as number, ratio };
        gradients = await sum({ first: gradients, second: ptxTerms.gradients });
      }

      // 3. Value gradient.
      const valueTerms = await accumulateOver(chunks, (chunk, previous) => {
        const batch = collateEpisodes(chunk, padTokenId);
        const old = {
          values: tokenTensor(
            chunk.map(({ oldValues }) => oldValues),
            batch,
          ),
          returns: tokenTensor(
            chunk.map(({ returns }) => returns),
            batch,
          ),
        };
        return valueGradients({
          parameters: value.parameters,
          batch: toTensors(batch),
          old,
          tokens,
          ...previous,
        });
      });

      // 4. Both steps.
      const policyGradNorm = await policy.apply(gradients, rates.policy);
      const valueGradNorm = await value.apply(valueTerms.gradients, rates.value);
      const p = policyTerms.metrics as Record<
        "loss" | "total" | "clipFraction" | "approxKl" | "approxKlK3" | "meanRatio" | "entropy",
        number
      >;
      const v = valueTerms.metrics as Record<"loss" | "clipFraction" | "error" | "meanValue", number>;
      return {
        policyLoss: p.loss,
        policyTotalLoss: p.total + ptxCoefficient * (ptx?.loss ?? 0),
        policyGradNorm,
        valueLoss: v.loss,
        valueGradNorm,
        clipFraction: p.clipFraction,
        valueClipFraction: v.clipFraction,
        approxKl: p.approxKl,
        approxKlK3: p.approxKlK3,
        meanRatio: p.meanRatio,
        entropy: p.entropy,
        valueError: v.error,
        meanValue: v.meanValue,
        ptxLoss: ptx?.loss,
        ptxGradNormRatio: ptx?.ratio,
      };
    },
    async dispose() {
      for (const compiled of [policyGradients, ptxGradients, valueGradients, squaredNorms, sum])
        await compiled.dispose();
    },
  };
}

/** Runs a gradient function over micro-batches: gradients and metrics add up, since both are divided by the whole already. */
async function accumulateOver<T>(
  chunks: readonly (readonly T[])[],
  run: (
    chunk: readonly T[],
    previous: { readonly previous?: Named<DeviceTensor> },
  ) => Promise<{ readonly metrics: Named<DeviceTensor>; readonly gradients: Named<DeviceTensor> }>,
): Promise<{ readonly metrics: Named<number>; readonly gradients: Named<DeviceTensor> }> {
  let gradients: Named<DeviceTensor> | undefined;
  const totals: Record<string, number> = {};
  for (const chunk of chunks) {
    const result = await run(chunk, gradients === undefined ? {} : { previous: gradients });
    gradients = result.gradients;
    for (const [name, value] of Object.entries(await readScalars(result.metrics)))
      totals[name] = (totals[name] ?? 0) + value;
  }
  if (gradients === undefined) throw new RangeError("a minibatch needs at least one row");
  return { metrics: totals, gradients };
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

/** The arrays of a batch that a graph takes. */
export function toTensors({
  rows,
  length,
  inputIds,
  positionIds,
  targetRows,
  targetIds,
  targetWeights,
}: Batch): { readonly [K in keyof BatchTensors]: HostTensor } {
  return {
    inputIds: int32(inputIds, [rows, length]),
    positionIds: int32(positionIds, [rows, length]),
    rows: int32(targetRows, [targetRows.length]),
    targets: int32(targetIds, [targetRows.length]),
    weights: float32(targetWeights, [targetRows.length]),
  };
}

const tokenTensor = (rows: readonly ArrayLike<number>[], batch: Batch): HostTensor =>
  float32(flattenTokens(rows, batch), [batch.targetRows.length]);

export function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
