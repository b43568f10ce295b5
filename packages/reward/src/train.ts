/**
 * The reward model (Ouyang et al. 2022, section 3.5 and appendix C.2), on one page.
 *
 * All responses of a prompt are rows of one batch, and all their untied pairs one element of the loss: K forward passes
 * instead of K (K - 1).
 */
import {
  checkpointTensors,
  type DeviceTensor,
  learningRate,
  type Optimizer,
  peakResidentBytes,
  readAll,
  requireFinite,
  savedOptimizer,
  shouldCheckpoint,
  stopIfInterrupted,
  type TrainingContext,
} from "@alignkit/core";
import { type Cursor, type RecordList, startOfData } from "@alignkit/data";
import {
  adamWSettings,
  createModelOptimizer,
  createSharedWeights,
  type ModelStart,
  type ParameterValue,
  parameterValues,
  scheduleOf,
  trainingSteps,
} from "@alignkit/models";
import {
  type BatchSettings,
  createWindows,
  pairTensors,
  type RankingExample,
  type Window,
} from "./batches.js";
import type { RewardConfig } from "./config.js";
import { evaluateRankings, scoreRows } from "./evaluate.js";
import { compileRewardFunctions, disposeFunctions, type RewardFunctions } from "./functions.js";
import { addCounts, countRankings, noCounts, rankingMetrics } from "./metrics.js";
import { normalizingBias } from "./normalization.js";
import { responsesPerRow, rowTensors } from "./rows.js";

/** What a reward model is trained from. */
export interface TrainOptions {
  readonly context: TrainingContext;
  readonly config: Omit<RewardConfig, "train_files" | "eval_files" | "demonstration_files">;
  /** With a scalar head. */
  readonly model: ModelStart;
  readonly examples: RecordList<RankingExample>;
  /** Held out, for the metrics `eval_*`; may be empty. */
  readonly evaluationExamples?: RecordList<RankingExample>;
  /** Prompts with completions as ids, whose mean score becomes 0; without any there is no bias. */
  readonly demonstrations?: RecordList<Int32Array>;
}

/** Weights, and the bias that makes demonstrations score 0. */
export interface TrainedRewardModel {
  readonly parameters: Map<string, ParameterValue>;
  /** To be added to every score. */
  readonly bias: number;
}

/** What a checkpoint keeps beside the optimizer; the order of the data follows from the run's seed and the cursor. */
interface TrainingState {
  readonly cursor: Cursor;
  /** Real tokens seen. */
  readonly tokens: number;
}

/**
 * Trains a reward model on rankings, resuming from the newest checkpoint.
 *
 * Metrics: `loss`, and of the update's pairs and responses before the update `accuracy`, `margin`, `mean_reward`,
 * `min_reward`, `max_reward`; `grad_norm` (before clipping), `learning_rate`, `num_tokens` (real tokens so far), `epoch`,
 * `tokens_per_second` (wall time), `memory/peak_resident_bytes`; `eval_loss`, `eval_accuracy` and so on for held-out rankings.
 * @throws {InterruptedError} when the signal fired, after a checkpoint was saved
 * @throws {NonFiniteError} when the loss or a gradient is not finite
 */
export async function trainRewardModel(options: TrainOptions): Promise<TrainedRewardModel> {
  const { context, config, model, examples, evaluationExamples = [], demonstrations = [] } = options;
  const { backend, tracker, signal, now } = context;

  // 1. The beginning, or where an earlier attempt stopped
  const settings = {
    padTokenId: model.config.padTokenId ?? 0,
    prompts: config.per_device_train_batch_size,
    multipleOf: config.pad_to_multiple_of,
    fewSizes: !backend.dynamicShapes,
    normalization: config.loss_normalization,
    responsesPerRow: responsesPerRow(config.share_prompts, model.config),
  };
  const windows = createWindows(examples, {
    ...settings,
    accumulation: config.gradient_accumulation_steps,
    random: config.shuffle ? context.random.split("order") : undefined,
  });
  const steps = trainingSteps(config, windows.perEpoch);
  const schedule = scheduleOf(config, steps);
  const latest = await context.checkpoints.latest();
  const shared = createSharedWeights(backend);
  const optimizer = await createModelOptimizer(
    backend,
    adamWSettings(config),
    { ...model, head: "scalar" },
    shared,
    latest === undefined ? undefined : savedOptimizer(latest, "model", latest.step),
  );
  const functions = compileRewardFunctions(backend, model.config, {
    centerCoefficient: config.center_rewards_coefficient,
  });
  let state = (latest?.state as TrainingState | undefined) ?? { cursor: startOfData, tokens: 0 };
  const evaluation = { ...settings, prompts: config.per_device_eval_batch_size ?? settings.prompts };
  const evaluate = () =>
    evaluateRankings({
      functions,
      parameters: optimizer.parameters,
      examples: evaluationExamples,
      settings: evaluation,
    });
  const save = () =>
    context.checkpoints.save(optimizer.step, { tensors: checkpointTensors("model", optimizer), state });
  const progress = context.progress.start(steps, "steps", context.name, optimizer.step);

  try {
    if (config.eval_on_start && optimizer.step === 0 && evaluationExamples.length > 0) {
      tracker.log(0, await evaluate());
    }
    while (optimizer.step < steps) {
      const started = now();

      // 2. The rankings of this update
      const window = windows.take(state.cursor);

      // 3. Loss and gradients over all untied pairs, added up over micro-batches
      const { loss, counts, gradients } = await windowGradients(
        functions,
        optimizer.parameters,
        window,
        settings,
      );

      requireFinite({ "the loss": loss }, optimizer.step + 1);

      // 4. Update
      const rate = learningRate(schedule, optimizer.step);
      const gradNorm = await optimizer.apply(gradients, rate);
      state = { cursor: window.next, tokens: state.tokens + window.tokens };

      // 5. Metrics and evaluation
      const { step } = optimizer;
      const seconds = (now() - started) / 1000;
      const metrics: Record<string, number> = {};
      if (step % config.logging_steps === 0 || step === steps) {
        Object.assign(metrics, {
          loss,
          ...rankingMetrics(counts),
          grad_norm: gradNorm,
          learning_rate: rate,
          num_tokens: state.tokens,
          epoch: state.cursor.epoch + state.cursor.index / examples.length,
          tokens_per_second: window.tokens / seconds,
          "memory/peak_resident_bytes": peakResidentBytes(),
        });
      }
      const evaluationIsDue = step === steps || step % (config.eval_steps ?? steps) === 0;
      if (evaluationIsDue && evaluationExamples.length > 0) Object.assign(metrics, await evaluate());
      if (Object.keys(metrics).length > 0) tracker.log(step, metrics);
      progress.advance(1, `loss ${loss.toFixed(3)}, accuracy ${(counts.correct / counts.pairs).toFixed(2)}`);

      // 6. Checkpoint
      if (shouldCheckpoint(step, config.save_steps)) await save();
      await stopIfInterrupted(signal, step, save);
    }

    // 7. The bias that moves the mean score of demonstrations to 0
    const { parameters } = optimizer;
    const rowsPerPass = 4 * evaluation.prompts;
    const bias =
      demonstrations.length === 0
        ? 0
        : normalizingBias(
            await scoreRows({ functions, parameters, settings, rows: demonstrations, rowsPerPass }),
          );
    return { parameters: parameterValues(await readAll(parameters)), bias };
  } finally {
    progress.done();
    await optimizer.dispose();
    shared.dispose();
    await disposeFunctions(functions);
  }
}

/** Loss of a window, what its scores say, and its gradients, which the caller owns. */
async function windowGradients(
  functions: RewardFunctions,
  parameters: Optimizer["parameters"],
  { batches }: Window,
  { fewSizes }: Pick<BatchSettings, "fewSizes">,
) {
  let loss = 0;
  let counts = noCounts;
  let previous: Readonly<Record<string, DeviceTensor>> | undefined;
  for (const batch of batches) {
    const result = await functions.lossAndGradients({
      parameters,
      ...rowTensors(batch),
      pairs: pairTensors(batch, fewSizes),
      ...(previous === undefined ? {} : { previous }),
    });
    loss += (await result.loss.read()).data[0] as number;
    const scores = (await result.scores.read()).data.subarray(0, batch.responses);
    counts = addCounts(counts, countRankings(scores, batch.pairs));
    result.loss.dispose();
    result.scores.dispose();
    previous = result.gradients;
  }
  return { loss, counts, gradients: previous ?? {} };
}
