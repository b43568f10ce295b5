import {
  AlignkitError,
  type Backend,
  type Clock,
  learningRate,
  type Optimizer,
  type Random,
  type Schedule,
} from "@alignkit/core";
import { type Cursor, type Order, type RecordList, recordsAt } from "@alignkit/data";
import type { PpoConfig } from "./config.js";
import type { WeightAverage } from "./ema.js";
import { type Episode, scoredPart } from "./episode.js";
import { createLogProbEvaluator, createValueEvaluator } from "./evaluate.js";
import { makeExperience, requireFiniteJudgements } from "./experience.js";
import { type KlControl, nextKlCoefficient } from "./kl-controller.js";
import { minibatches } from "./minibatches.js";
import type { FrozenModel, ModelDescription } from "./models.js";
import type { PromptExample } from "./prompts-and-texts.js";
import { rollout } from "./rollout.js";
import { createScores, type ScoreSources } from "./scores.js";
import { paceMetrics, updateMetrics } from "./train-metrics.js";
import { createUpdater, type UpdateMetrics } from "./update.js";

/** Everything a run works with; all models on the backend. */
export interface PpoParts extends Omit<ScoreSources, "rewardModelWeight"> {
  readonly backend: Backend;
  readonly config: PpoConfig;
  readonly random: Random;
  readonly now: Clock;
  readonly policyModel: ModelDescription;
  readonly valueModel: ModelDescription;
  readonly policy: Optimizer;
  readonly value: Optimizer;
  readonly reference: FrozenModel;
  /** Whether the reference is what the policy started from, so that the KL starts at 0. */
  readonly referenceIsStart: boolean;
  readonly average: WeightAverage | undefined;
  readonly prompts: RecordList<PromptExample>;
  readonly promptOrder: Order;
  readonly texts: RecordList<Int32Array>;
  readonly textOrder: Order | undefined;
  readonly stopTokenIds: readonly number[];
  readonly padTokenId: number;
  readonly policySchedule: Schedule;
  readonly valueSchedule: Schedule;
}

/** What changes from iteration to iteration besides the weights; plain JSON. */
export interface PpoState {
  /** Iterations done. */
  readonly iteration: number;
  readonly klCoefficient: number;
  readonly prompts: Cursor;
  readonly texts: Cursor;
  /** Decoding steps so far: one after the other, and of all episodes together. */
  readonly steps: { readonly serial: number; readonly total: number };
}

export interface SampledEpisode {
  readonly prompt: string;
  readonly response: string;
  readonly score: number;
}

export interface IterationResult {
  readonly state: PpoState;
  readonly metrics: Readonly<Record<string, number>>;
  /** The first episodes of the batch, for people. */
  readonly samples: readonly SampledEpisode[];
}

const samplesKept = 6;

/** Compiles what an iteration needs. `next` does one iteration of PPO; the letters and sections are the paper's. */
export function createPpoTrainer(parts: PpoParts) {
  const {
    backend,
    config,
    policyModel,
    valueModel,
    policy,
    value,
    reference,
    average,
    now,
    padTokenId,
    stopTokenIds,
  } = parts;
  const options = { padTokenId, rowsPerForward: config.per_device_train_batch_size };
  const referenceLogProbs = createLogProbEvaluator(backend, reference.config, config.temperature, options);
  const valuesOf = createValueEvaluator(backend, valueModel.config, options);
  const scores = createScores(backend, { ...parts, rewardModelWeight: config.reward_model_weight }, options);
  const updater = createUpdater(
    backend,
    {
      policyConfig: policyModel.config,
      valueConfig: valueModel.config,
      padTokenId,
      temperature: config.temperature,
      clipRange: config.cliprange,
      clipRangeValue: config.cliprange_value ?? undefined,
      entropyCoefficient: config.entropy_coef,
      ptxCoefficient: config.ptx_coef,
      ptxReduction: config.ptx_reduction,
      rowsPerForward: config.per_device_train_batch_size,
    },
    policy,
    value,
  );
  const klControl: KlControl =
    config.kl_control === "fixed"
      ? { type: "fixed" }
      : { type: "adaptive", target: config.kl_target, horizon: config.kl_horizon };
  const created = now();
  const minibatchSize = config.batch_size / config.num_mini_batches;

  async function next(state: PpoState): Promise<IterationResult> {
    const { iteration } = state;
    const random = parts.random.split(`iteration ${iteration}`);
    const started = now();

    // 1. Rollout: one response per prompt from the current policy (§3.5: a bandit).
    const { indices, next: promptsAfter } = parts.promptOrder.take(state.prompts);
    const taken = recordsAt(parts.prompts, indices);
    const episodes = await rollout(
      backend,
      policyModel.config,
      policy.parameters,
      taken.map(({ inputIds }) => inputIds),
      config,
      stopTokenIds,
      random.split("rollout"),
    );
    const sampled = now();

    // 2. Scores of the reward model, at the last token of the text, and of reward functions.
    const text = {
      prompts: textsOf(policyModel, episodes, "promptIds"),
      responses: textsOf(policyModel, episodes.map(scoredPart), "responseIds"),
      records: taken.map(({ record }) => record),
    };
    const scored = await scores.score(episodes, text);

    // 3. Log-probabilities under the reference, values of the value model. The policy's are those of the sampler.
    const judgements = {
      logProbs: episodes.map(({ logProbs }) => logProbs),
      referenceLogProbs: await referenceLogProbs(reference.parameters, episodes),
      values: await valuesOf(value.parameters, episodes),
      scores: scored.scores,
    };
    requireFiniteJudgements(judgements, policy.step + 1);

    // 4. Rewards (eq. 2: score minus beta times KL, per token), advantages and returns (GAE).
    const experience = makeExperience(episodes, judgements, {
      klCoefficient: state.klCoefficient,
      klEstimator: config.kl_estimator,
      scoreClip: config.score_clip ?? undefined,
      missingEosPenalty: config.missing_eos_penalty,
      missingEosScore: config.missing_eos_score ?? undefined,
      whitenRewards: config.whiten_rewards,
      gamma: config.gamma,
      lambda: config.lam,
      whitenAdvantages: config.whiten_advantages,
      unbiasedVariance: config.whiten_variance === "unbiased",
    });
    const judged = now();
    const kl = experience.metrics["objective/kl"] as number;
    if (iteration === 0 && parts.referenceIsStart) checkStartingKl(kl);

    // 5. Minibatch steps of policy and value model; a fresh permutation per epoch (C.4: one epoch).
    const rates = {
      policy: learningRate(parts.policySchedule, iteration),
      value: learningRate(parts.valueSchedule, iteration),
    };
    const updates: UpdateMetrics[] = [];
    let textsCursor = state.texts;
    let trainedTokens = 0;
    for (let epoch = 0; epoch < config.num_ppo_epochs; epoch++) {
      for (const minibatch of minibatches(experience.episodes, minibatchSize, random, epoch)) {
        const taken = parts.textOrder?.take(textsCursor);
        textsCursor = taken?.next ?? textsCursor;
        const texts = recordsAt(parts.texts, taken?.indices ?? []);
        const update = await updater.update(minibatch, texts, rates);
        if (updates.length === 0) checkSampledProbabilities(update);
        updates.push(update);
        trainedTokens += tokensOf(minibatch, texts);
        // 6. Average of the weights (C.4: 0.992).
        if (config.ema_update === "step") await average?.update(policy.parameters);
      }
    }
    if (config.ema_update === "iteration") await average?.update(policy.parameters);

    // 7. KL coefficient of the next batch.
    const klCoefficient = nextKlCoefficient(state.klCoefficient, klControl, kl, episodes.length);
    const lengths = episodes.map(({ responseIds }) => responseIds.length);
    const after: PpoState = {
      iteration: iteration + 1,
      klCoefficient,
      prompts: promptsAfter,
      texts: textsCursor,
      steps: {
        serial: state.steps.serial + Math.max(...lengths),
        total: state.steps.total + lengths.reduce((total, length) => total + length, 0),
      },
    };
    return {
      state: after,
      metrics: {
        episode: after.iteration * config.batch_size,
        "elapsed/updates": after.iteration,
        "elapsed/episodes": after.iteration * config.batch_size,
        "elapsed/steps/serial": after.steps.serial,
        "elapsed/steps/total": after.steps.total,
        ...experience.metrics,
        ...scored.metrics,
        ...updateMetrics(updates, config.ptx_coef),
        learning_rate: rates.policy,
        value_learning_rate: rates.value,
        ...paceMetrics([started, sampled, judged, now()], episodes, trainedTokens),
        "elapsed/time": (now() - created) / 1000,
      },
      samples: episodes.slice(0, samplesKept).map((_, index) => ({
        prompt: text.prompts[index] as string,
        response: text.responses[index] as string,
        score: scored.scores[index] as number,
      })),
    };
  }

  async function dispose(): Promise<void> {
    for (const compiled of [referenceLogProbs, valuesOf, scores, updater]) await compiled.dispose();
  }

  return { next, dispose };
}

/** Real tokens of a minibatch. */
function tokensOf(episodes: readonly Episode[], texts: readonly Int32Array[]): number {
  const inTexts = texts.reduce((total, { length }) => total + length, 0);
  return episodes.reduce(
    (total, { promptIds, responseIds }) => total + promptIds.length + responseIds.length,
    inTexts,
  );
}

function textsOf(
  { tokenizer }: ModelDescription,
  episodes: readonly Episode[],
  key: "promptIds" | "responseIds",
): readonly string[] {
  return episodes.map((episode) =>
    tokenizer === undefined
      ? Array.from(episode[key]).join(" ")
      : tokenizer.decode(episode[key], { skipSpecialTokens: true }),
  );
}

/** Sampling and scoring the same weights must agree; a KL here means that they do not (masks, positions, temperature). */
function checkStartingKl(kl: number): void {
  if (Math.abs(kl) > 1e-2) {
    throw new AlignkitError(
      "SAMPLER_MISMATCH",
      `the KL to the reference is ${kl} nats per episode before the first update, though the reference is where the policy starts; it must be 0`,
    );
  }
}

/** Every probability is computed twice, by the sampler and by the training graph; collapse begins where they differ. */
function checkSampledProbabilities({ probsDifferenceMax: difference }: UpdateMetrics): void {
  if (!(difference <= 0.05)) {
    throw new AlignkitError(
      "SAMPLER_MISMATCH",
      `a token that was sampled with some probability has one that differs by ${difference} in the training graph, under the same weights; sampler and training must agree (masks, positions, temperature)`,
    );
  }
}
