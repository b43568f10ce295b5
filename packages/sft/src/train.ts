/**
 * Supervised fine-tuning (Ouyang et al. 2022, section 3.5 and appendix C.1), on one page.
 *
 * Departure from the paper: float32 instead of float16 with float32 masters.
 */
import {
  checkpointTensors,
  type DeviceTensor,
  float32,
  type HostTensor,
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
  attentionBlockOf,
  createModelOptimizer,
  createSharedWeights,
  type ModelStart,
  maximumLength,
  type ParameterValue,
  parameterValues,
  type ResidualMasks,
  residualMasks,
  scheduleOf,
  trainingSteps,
} from "@alignkit/models";
import {
  batchTensors,
  createWindows,
  type Example,
  type MixedTexts,
  noTexts,
  type TrainingBatch,
  type Window,
} from "./batches.js";
import type { TrainingConfig } from "./config.js";
import { measure } from "./evaluate.js";
import { compileSftFunctions, disposeFunctions, type SftFunctions } from "./functions.js";
import { type BestState, betterOf, type Selection, savedBest } from "./selection.js";
import type { ValidationReward } from "./validation-reward.js";

/** What a language model is trained from. */
export interface TrainOptions {
  readonly context: TrainingContext;
  readonly config: TrainingConfig;
  readonly model: ModelStart;
  readonly examples: RecordList<Example>;
  /** Held out, for `eval_loss`; may be empty. */
  readonly evaluationExamples?: RecordList<Example>;
  /** Whether the examples of a forward pass share rows; the update is the same. Default false. */
  readonly packing?: boolean;
  /** Raw text among the examples. */
  readonly mixed?: MixedTexts;
  /** For `eval_reward`: the mean score of what these weights answer. */
  readonly validationReward?: Pick<ValidationReward, "score">;
  /** Which weights are returned; by default the last. */
  readonly selection?: Selection | undefined;
}

/** What a checkpoint keeps beside the optimizer; the order of the data follows from the run's seed and the cursor. */
interface TrainingState {
  readonly cursor: Cursor;
  /** Real tokens seen. */
  readonly tokens: number;
  /** Of the tensors "best", where weights are chosen. */
  readonly best?: BestState;
}

/**
 * Trains a language model on examples with labels, resuming from the newest checkpoint.
 *
 * Metrics: `loss` (nats per label of the update's examples, before the update), `grad_norm` (before clipping),
 * `learning_rate`, `num_tokens` (real tokens so far), `epoch`, `tokens_per_second` (wall time),
 * `memory/peak_resident_bytes`, `eval_loss`, `eval_reward`, `best_step` (of the weights that are kept, after the last
 * update).
 * @returns the parameters after the last update, or those of the best evaluation
 * @throws {InterruptedError} when the signal fired, after a checkpoint was saved
 * @throws {NonFiniteError} when the loss or a gradient is not finite
 */
export async function trainLanguageModel(options: TrainOptions): Promise<Map<string, ParameterValue>> {
  const { context, config, model, examples, evaluationExamples = [], packing = false } = options;
  const { validationReward, selection, mixed = noTexts } = options;
  const { backend, tracker, signal, now } = context;

  // 1. The beginning, or where an earlier attempt stopped
  const padding = {
    padTokenId: model.config.padTokenId ?? 0,
    rows: config.per_device_train_batch_size,
    packing,
    multipleOf: config.pad_to_multiple_of,
    fewSizes: !backend.dynamicShapes,
  };
  const windows = createWindows(examples, {
    ...padding,
    accumulation: config.gradient_accumulation_steps,
    random: config.shuffle ? context.random.split("order") : undefined,
    mixed,
  });
  const steps = trainingSteps(config, windows.perEpoch);
  const schedule = scheduleOf(config, steps);
  const latest = await context.checkpoints.latest();
  const shared = createSharedWeights(backend);
  const optimizer = await createModelOptimizer(
    backend,
    adamWSettings(config),
    { ...model, head: "language_model" },
    shared,
    latest === undefined ? undefined : savedOptimizer(latest, "model", latest.step),
  );
  const functions = compileSftFunctions(backend, model.config);
  const longest = maximumLength(config, model.config);
  const dropout = context.random.split("dropout");
  let state = (latest?.state as TrainingState | undefined) ?? { cursor: startOfData, tokens: 0 };
  let best = savedBest(latest, state.best);
  const evaluate = () =>
    measure({
      functions,
      parameters: optimizer.parameters,
      examples: evaluationExamples,
      padding: { ...padding, packing: false, rows: config.per_device_eval_batch_size ?? padding.rows },
      validationReward,
    });
  const save = () =>
    context.checkpoints.save(optimizer.step, {
      tensors: {
        ...checkpointTensors("model", optimizer),
        ...(best === undefined ? {} : { best: best.parameters }),
      },
      state: {
        ...state,
        ...(best === undefined ? {} : { best: { step: best.step, value: best.value } }),
      } satisfies TrainingState,
    });
  const progress = context.progress.start(steps, "steps", context.name, optimizer.step);

  try {
    if (config.eval_on_start && optimizer.step === 0) {
      const measured = await evaluate();
      if (Object.keys(measured).length > 0) tracker.log(0, measured);
    }
    while (optimizer.step < steps) {
      const started = now();

      // 2. The examples of this update
      const window = windows.take(state.cursor);

      // 3. Loss and gradients, added up over micro-batches
      const { loss, gradients } = await windowGradients({
        functions,
        parameters: optimizer.parameters,
        window,
        longest,
        reduction: config.loss_reduction,
        masksOf: (batch, index) =>
          config.residual_dropout === 0
            ? undefined
            : residualMasks(
                model.config,
                batch,
                config.residual_dropout,
                dropout.split(`update-${optimizer.step}`).split(`batch-${index}`),
              ),
      });

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
          grad_norm: gradNorm,
          learning_rate: rate,
          num_tokens: state.tokens,
          epoch: state.cursor.epoch + state.cursor.index / windows.examples,
          tokens_per_second: window.tokens / seconds,
          "memory/peak_resident_bytes": peakResidentBytes(),
        });
      }
      if (step === steps || step % (config.eval_steps ?? steps) === 0) {
        const measured = await evaluate();
        Object.assign(metrics, measured);
        if (selection !== undefined) best = await betterOf(best, selection, measured, optimizer);
      }
      if (best !== undefined && step === steps) metrics.best_step = best.step;
      if (Object.keys(metrics).length > 0) tracker.log(step, metrics);
      progress.advance(1, `loss ${loss.toFixed(3)}`);

      // 6. Checkpoint
      if (shouldCheckpoint(step, config.save_steps)) await save();
      await stopIfInterrupted(signal, step, save);
    }
    return parameterValues({ ...(await readAll(optimizer.parameters)), ...best?.parameters });
  } finally {
    progress.done();
    await optimizer.dispose();
    shared.dispose();
    await disposeFunctions(functions);
  }
}

/** Loss of a window and its gradients, which the caller owns. */
async function windowGradients({
  functions,
  parameters,
  window: { batches, labelTokens },
  longest,
  reduction,
  masksOf,
}: {
  readonly functions: SftFunctions;
  readonly parameters: Optimizer["parameters"];
  readonly window: Window;
  /** T of the longest rows that there may be. */
  readonly longest: number;
  readonly reduction: TrainingConfig["loss_reduction"];
  readonly masksOf: (batch: TrainingBatch, index: number) => ResidualMasks<HostTensor> | undefined;
}) {
  let loss = 0;
  let previous: Readonly<Record<string, DeviceTensor>> | undefined;
  for (const [index, batch] of batches.entries()) {
    const masks = masksOf(batch, index);
    const divisor = reduction === "token_mean" ? labelTokens : batch.labelTokens * batches.length;
    const isBlocked = attentionBlockOf(batch.length, longest) !== undefined;
    const result = await functions[isBlocked ? "lossAndGradientsOfLongest" : "lossAndGradients"]({
      parameters,
      ...batchTensors(batch),
      labelTokens: float32([divisor], []),
      ...(masks === undefined ? {} : { residualMasks: masks }),
      ...(previous === undefined ? {} : { previous }),
    });
    loss += (await result.loss.read()).data[0] as number;
    result.loss.dispose();
    previous = result.gradients;
  }
  return { loss, gradients: previous ?? {} };
}
