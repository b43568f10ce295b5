import {
  type Backend,
  ConfigError,
  learningRate,
  type Optimizer,
  type Random,
  type Schedule,
} from "@alignkit/core";
import type { Cursor, Order, TokenizedPrompt } from "@alignkit/data";
import { createGenerator } from "@alignkit/models";
import type { PpoConfig } from "./config.js";
import type { WeightAverage } from "./ema.js";
import type { Episode } from "./episode.js";
import { createEpisodeScorer, createLogProbEvaluator, createValueEvaluator } from "./evaluate.js";
import { makeExperience, mean, requireFiniteJudgements } from "./experience.js";
import { type KlControl, nextKlCoefficient } from "./kl-controller.js";
import type { FrozenModel, LoadedModel } from "./models.js";
import { type NamedReward, sumOfRewards } from "./reward-function.js";
import { createUpdater, type UpdateMetrics } from "./update.js";

/** Everything a run works with; all models on the backend. */
export interface PpoParts {
  readonly backend: Backend;
  readonly config: PpoConfig;
  readonly random: Random;
  readonly policyModel: LoadedModel;
  readonly valueModel: LoadedModel;
  readonly policy: Optimizer;
  readonly value: Optimizer;
  readonly reference: FrozenModel;
  /** Whether the reference is what the policy started from, so that the KL starts at 0. */
  readonly referenceIsStart: boolean;
  readonly rewardModel: (FrozenModel & Pick<LoadedModel, "tokenizer">) | undefined;
  /** Whether the reward model reads the policy's ids; else text is encoded anew for it. */
  readonly sharesTokenizer: boolean;
  readonly rewards: readonly NamedReward[];
  readonly average: WeightAverage | undefined;
  readonly prompts: readonly TokenizedPrompt[];
  readonly promptOrder: Order;
  readonly texts: readonly Int32Array[];
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
    rewardModel,
    rewards,
    average,
    padTokenId,
    stopTokenIds,
  } = parts;
  const options = { padTokenId, rowsPerForward: config.per_device_train_batch_size };
  const referenceLogProbs = createLogProbEvaluator(backend, reference.config, config.temperature, options);
  const valuesOf = createValueEvaluator(backend, valueModel.config, options);
  const scoresOf =
    rewardModel === undefined ? undefined : createEpisodeScorer(backend, rewardModel.config, options);
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
  const minibatchSize = config.batch_size / config.num_mini_batches;

  async function next(state: PpoState): Promise<IterationResult> {
    const { iteration } = state;
    const random = parts.random.split(`iteration ${iteration}`);

    // 1. Rollout: one response per prompt from the current policy (§3.5: a bandit).
    const { indices, next: promptsAfter } = parts.promptOrder.take(state.prompts);
    const episodes = await rollout(
      indices.map((index) => (parts.prompts[index] as TokenizedPrompt).inputIds),
      random.split("rollout"),
    );

    // 2. Scores of the reward model, at the last real token, and of reward functions.
    const text = {
      prompts: textsOf(policyModel, episodes, "promptIds"),
      responses: textsOf(policyModel, episodes, "responseIds"),
    };
    const scored = await score(episodes, text);

    // 3. Log-probabilities under the reference, values of the value model.
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
      whitenRewards: config.whiten_rewards,
      gamma: config.gamma,
      lambda: config.lam,
      whitenAdvantages: config.whiten_advantages,
    });
    const kl = experience.metrics["objective/kl"] as number;
    if (iteration === 0 && parts.referenceIsStart) checkStartingKl(kl);

    // 5. Minibatch steps of policy and value model; a fresh permutation per epoch (C.4: one epoch).
    const rates = {
      policy: learningRate(parts.policySchedule, iteration),
      value: learningRate(parts.valueSchedule, iteration),
    };
    const updates: UpdateMetrics[] = [];
    let textsCursor = state.texts;
    for (let epoch = 0; epoch < config.num_ppo_epochs; epoch++) {
      const order = random.split(`epoch ${epoch}`).permutation(experience.episodes.length);
      for (let start = 0; start < order.length; start += minibatchSize) {
        const minibatch = Array.from(
          order.subarray(start, start + minibatchSize),
          (index) => experience.episodes[index]!,
        );
        const taken = parts.textOrder?.take(textsCursor);
        textsCursor = taken?.next ?? textsCursor;
        updates.push(
          await updater.update(
            minibatch,
            (taken?.indices ?? []).map((index) => parts.texts[index] as Int32Array),
            rates,
          ),
        );
        // 6. Average of the weights (C.4: 0.992).
        await average?.update(policy.parameters);
      }
    }

    // 7. KL coefficient of the next batch.
    const klCoefficient = nextKlCoefficient(state.klCoefficient, klControl, kl, episodes.length);
    return {
      state: { iteration: iteration + 1, klCoefficient, prompts: promptsAfter, texts: textsCursor },
      metrics: {
        episode: (iteration + 1) * config.batch_size,
        ...experience.metrics,
        ...scored.metrics,
        ...updateMetrics(updates, config.ptx_coef),
        learning_rate: rates.policy,
        value_learning_rate: rates.value,
      },
      samples: episodes.slice(0, samplesKept).map((_, index) => ({
        prompt: text.prompts[index] as string,
        response: text.responses[index] as string,
        score: scored.scores[index] as number,
      })),
    };
  }

  async function rollout(
    prompts: readonly Int32Array[],
    random: Random,
  ): Promise<readonly (Episode & { readonly logProbs: Float32Array })[]> {
    // Its executable holds this iteration's weights in a form of its own.
    const generator = createGenerator(backend, policyModel.config, policy.parameters);
    try {
      const { response_length: maxNewTokens, temperature, generation_batch_size: batchSize } = config;
      const responses = await generator.generate(
        prompts.map((ids) => Array.from(ids)),
        { maxNewTokens, temperature, stopTokenIds, batchSize },
        random,
      );
      return responses.map(({ ids, logProbs, finishReason }, index) => ({
        promptIds: prompts[index] as Int32Array,
        responseIds: Int32Array.from(ids),
        finished: finishReason === "stop",
        logProbs,
      }));
    } finally {
      await generator.dispose();
    }
  }

  async function score(
    episodes: readonly Episode[],
    text: { readonly prompts: readonly string[]; readonly responses: readonly string[] },
  ) {
    const request = {
      ...text,
      promptIds: episodes.map(({ promptIds }) => promptIds),
      responseIds: episodes.map(({ responseIds }) => responseIds),
    };
    const fromFunctions = await sumOfRewards(rewards, request);
    if (rewardModel === undefined || scoresOf === undefined) return fromFunctions;
    const read = parts.sharesTokenizer
      ? episodes
      : episodes.map((episode, index) =>
          encodeAgain(
            rewardModel,
            episode,
            request.prompts[index] as string,
            request.responses[index] as string,
          ),
        );
    const fromModel = await scoresOf(rewardModel.parameters, read);
    return {
      scores: fromModel.map((own, index) => own + (fromFunctions.scores[index] as number)),
      metrics: {
        ...fromFunctions.metrics,
        ...(rewards.length > 0 ? { "reward/model": mean(fromModel) } : {}),
      },
    };
  }

  async function dispose(): Promise<void> {
    for (const compiled of [referenceLogProbs, valuesOf, scoresOf, updater]) await compiled?.dispose();
  }

  return { next, dispose };
}

function textsOf(
  { tokenizer }: LoadedModel,
  episodes: readonly Episode[],
  key: "promptIds" | "responseIds",
): readonly string[] {
  return episodes.map((episode) =>
    tokenizer === undefined
      ? Array.from(episode[key]).join(" ")
      : tokenizer.decode(episode[key], { skipSpecialTokens: true }),
  );
}

/** The same text in the reward model's own ids; its end token stands where the policy's did. */
function encodeAgain(
  { tokenizer }: Pick<LoadedModel, "tokenizer">,
  episode: Episode,
  prompt: string,
  response: string,
): Episode {
  if (tokenizer === undefined)
    throw new ConfigError(
      "the reward model has no tokenizer of its own and that of the policy differs; add tokenizer.json to its directory",
    );
  const responseIds = tokenizer.encode(response, { addSpecialTokens: false });
  if (episode.finished && tokenizer.eosTokenId !== undefined) responseIds.push(tokenizer.eosTokenId);
  return {
    ...episode,
    promptIds: Int32Array.from(tokenizer.encode(prompt)),
    responseIds: Int32Array.from(responseIds),
  };
}

/** Sampling and scoring the same weights must agree; a KL here means that they do not (masks, positions, temperature). */
function checkStartingKl(kl: number): void {
  if (Math.abs(kl) > 1e-2) {
    throw new ConfigError(
      `the KL to the reference is ${kl} nats per episode before the first update, though the reference is where the policy starts; it must be 0`,
    );
  }
}

/** Means over the minibatches of an iteration, under Ziegler's names. */
function updateMetrics(
  updates: readonly UpdateMetrics[],
  ptxCoefficient: number,
): Readonly<Record<string, number>> {
  const meanOf = (key: keyof UpdateMetrics) => mean(updates.map((update) => update[key] as number));
  const withTexts = updates[0]?.ptxLoss !== undefined;
  return {
    "ppo/loss/policy": meanOf("policyLoss"),
    "ppo/loss/value": meanOf("valueLoss"),
    "ppo/loss/total": meanOf("policyTotalLoss") + meanOf("valueLoss"),
    "ppo/policy/entropy": meanOf("entropy"),
    "ppo/policy/approxkl": meanOf("approxKl"),
    "ppo/policy/approxkl_k3": meanOf("approxKlK3"),
    "ppo/policy/clipfrac": meanOf("clipFraction"),
    "ppo/policy/ratio": meanOf("meanRatio"),
    "ppo/policy/grad_norm": meanOf("policyGradNorm"),
    "ppo/val/vpred": meanOf("meanValue"),
    "ppo/val/error": meanOf("valueError"),
    "ppo/val/clipfrac": meanOf("valueClipFraction"),
    "ppo/val/grad_norm": meanOf("valueGradNorm"),
    // Root mean square difference between the sampler's log-probabilities and those of the training graph.
    rollout_probs_diff: Math.sqrt(2 * (updates[0] as UpdateMetrics).approxKl),
    ...(withTexts
      ? {
          "ptx/loss": meanOf("ptxLoss"),
          "ptx/coef": ptxCoefficient,
          "ptx/grad_norm_ratio": meanOf("ptxGradNormRatio"),
        }
      : {}),
  };
}
