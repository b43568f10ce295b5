/** Which weights of a run are kept: the last, or the best by a metric of its evaluations. */
import {
  type Checkpoint,
  CheckpointError,
  ConfigError,
  type HostTensor,
  type Optimizer,
  readAll,
} from "@alignkit/core";
import type { SftConfig } from "./config.js";

/** What an evaluation may measure. */
export type EvaluationMetric = "eval_loss" | "eval_reward";

/** By what the weights are chosen. */
export interface Selection {
  readonly metric: EvaluationMetric;
  readonly greaterIsBetter: boolean;
}

/** What a checkpoint says of the best weights so far; they are its tensors "best". */
export interface BestState {
  readonly step: number;
  readonly value: number;
}

export interface Best extends BestState {
  readonly parameters: Readonly<Record<string, HostTensor>>;
}

/**
 * The selection that a config asks for, undefined for the last weights. The paper chose by the score of a reward model on
 * validation prompts (Ouyang et al. 2022, appendix C.1), which is also the default where it is measured.
 * @param measured - what the evaluations of the run give
 * @throws {ConfigError} when there is nothing to choose by
 */
export function selectionOf(
  config: Pick<
    SftConfig,
    "load_best_model_at_end" | "metric_for_best_model" | "greater_is_better" | "eval_steps"
  >,
  measured: ReadonlySet<EvaluationMetric>,
): Selection | undefined {
  if (!config.load_best_model_at_end) return undefined;
  const metric = config.metric_for_best_model ?? (measured.has("eval_reward") ? "eval_reward" : "eval_loss");
  if (!measured.has(metric)) throw new ConfigError(`load_best_model_at_end: ${remedies[metric]}`);
  if (config.eval_steps === null) {
    throw new ConfigError(
      "load_best_model_at_end: eval_steps is null, so that only the last weights are evaluated; give the updates between evaluations",
    );
  }
  return { metric, greaterIsBetter: config.greater_is_better ?? metric !== "eval_loss" };
}

const remedies: Readonly<Record<EvaluationMetric, string>> = {
  eval_loss: "there is no held-out data to choose by; give eval_files",
  eval_reward:
    "eval_reward needs the input `rewardModel`, and prompts: eval_prompt_files, or the input `prompts`",
};

/** The best after an evaluation: the weights of now, or those of before. At a tie the earlier ones stay. */
export async function betterOf(
  best: Best | undefined,
  { metric, greaterIsBetter }: Selection,
  measured: Readonly<Partial<Record<EvaluationMetric, number>>>,
  { step, trained }: Pick<Optimizer, "step" | "trained">,
): Promise<Best | undefined> {
  const value = measured[metric];
  if (value === undefined || !Number.isFinite(value)) return best;
  if (best !== undefined && (greaterIsBetter ? value <= best.value : value >= best.value)) return best;
  return { step, value, parameters: await readAll(trained) };
}

/** The best weights that a checkpoint keeps. */
export function savedBest(
  checkpoint: Checkpoint | undefined,
  state: BestState | undefined,
): Best | undefined {
  if (checkpoint === undefined || state === undefined) return undefined;
  const parameters = checkpoint.tensors.best;
  if (parameters === undefined) {
    throw new CheckpointError(`the checkpoint of step ${checkpoint.step} names best weights but holds none`);
  }
  return { ...state, parameters };
}
