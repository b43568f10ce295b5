/** What is measured of the models of one seed, all of it on held-out data. */
import type { Backend, Random } from "@alignkit/core";
import type { Data } from "./data.js";
import { accuracyOf, fitJudge, type Judge, type LabelledText, wordsOf } from "./judge.js";
import { openLanguageModel, openRewardModel, type Sample } from "./language-model.js";
import type { Ranking } from "./polarity.js";
import type { Settings } from "./settings.js";
import { areaUnderCurve, correlation, mean } from "./statistics.js";
import { openingsOf } from "./stories.js";

export const modelNames = ["base", "sft", "ppo", "ppo_ptx"] as const;
export type ModelName = (typeof modelNames)[number];

/** Of a model that tells sentences apart, on the held-out sentences of the reward model's half. */
export interface RankingQuality {
  /** Share of the untied pairs of the rankings that are in order. */
  readonly pairs: number;
  /** Share of all pairs of a positive and a negative sentence. */
  readonly area: number;
}

export interface ModelResult {
  /** The judge's probability of "positive", a mean over the samples of each opening. */
  readonly judge: readonly number[];
  /** The reward model's score, likewise. */
  readonly reward: readonly number[];
  /** Log-probability under the model less that under the SFT model, nats per response, likewise. */
  readonly kl: readonly number[];
  /** Nats per token of held-out stories. */
  readonly storyLoss: number;
  /** Different words among all words of the samples. */
  readonly distinctWords: number;
  /** Different pairs of neighbouring words among all of them. */
  readonly distinctPairs: number;
  /** Mean number of tokens of a response. */
  readonly length: number;
  readonly samples: readonly {
    readonly opening: string;
    readonly response: string;
    readonly judge: number;
  }[];
}

export interface SeedResult {
  readonly seed: number;
  readonly judgeAccuracy: number;
  readonly rewardModel: RankingQuality;
  /** The judge's kind of model, fitted on the sentences that the reward model learned from. */
  readonly bagOfWords: RankingQuality;
  /** Correlation of reward and judge over the samples of the SFT model. */
  readonly rewardJudgeCorrelation: number;
  /** Share of the samples' words that the judge knows. */
  readonly judgeCoverage: number;
  readonly models: Readonly<Record<ModelName, ModelResult>>;
}

export interface EvaluateOptions {
  readonly backend: Backend;
  readonly seed: number;
  readonly data: Data;
  readonly settings: Settings["evaluation"];
  /** Directories. */
  readonly models: Readonly<Record<ModelName, string>>;
  readonly rewardModel: string;
  readonly random: Random;
}

export async function evaluate(options: EvaluateOptions): Promise<SeedResult> {
  const { backend, data, settings, random, seed } = options;
  const { polarity } = data;
  // 1. The judge, and the reward model beside its baseline
  const judge = fitJudge(polarity.judgeTrain, random.split("judge"));
  const baseline = fitJudge(polarity.rewardTrain, random.split("baseline"));
  const rewardModel = await openRewardModel(backend, options.rewardModel);
  const quality = (score: (texts: readonly string[]) => Promise<readonly number[]>) =>
    rankingQuality(score, polarity.rewardHeldOut, data.heldOutRankings);
  const rewardQuality = await quality(rewardModel.scoreTexts);
  const baselineQuality = await quality(async (texts) => texts.map(baseline.score));

  // 2. Continuations of held-out openings by each model
  const openings = data.stories.heldOut.flatMap(openingsOf).slice(0, settings.openings);
  const sftModel = await openLanguageModel(backend, options.models.sft);
  const results: Partial<Record<ModelName, ModelResult>> = {};
  let rewardJudgeCorrelation = 0;
  let judgeCoverage = 0;
  for (const name of modelNames) {
    const model = name === "sft" ? sftModel : await openLanguageModel(backend, options.models[name]);
    // The same random numbers for all models.
    const samples = await model.sample(
      openings,
      settings.samples,
      settings.maxNewTokens,
      random.split("samples"),
    );
    const judged = samples.map(({ response }) => judge.probability(response));
    const rewards = await rewardModel.scoreIds(
      samples.map(({ promptIds, responseIds }) => [...promptIds, ...responseIds]),
    );
    const reference = await sftModel.logProbs(samples);
    const perOpening = (values: readonly number[]) => meansByPrompt(samples, values, openings.length);
    results[name] = {
      judge: perOpening(judged),
      reward: perOpening(rewards),
      kl: perOpening(samples.map(({ logProb }, index) => logProb - (reference[index] as number))),
      storyLoss: await model.loss(data.stories.heldOut, settings.storyTokens),
      ...diversity(samples),
      length: mean(samples.map(({ responseIds }) => responseIds.length)),
      samples: samples
        .map(({ prompt, response }, index) => ({
          opening: openings[prompt] as string,
          response,
          judge: judged[index] as number,
        }))
        .filter((_, index) => index % settings.samples === 0),
    };
    if (name === "sft") {
      const scores = samples.map(({ response }) => judge.score(response));
      rewardJudgeCorrelation = correlation(rewards, scores);
      judgeCoverage = coverage(judge, samples);
    } else await model.dispose();
  }
  await sftModel.dispose();
  await rewardModel.dispose();
  return {
    seed,
    judgeAccuracy: accuracyOf(judge, polarity.judgeHeldOut),
    rewardModel: rewardQuality,
    bagOfWords: baselineQuality,
    rewardJudgeCorrelation,
    judgeCoverage,
    models: results as Record<ModelName, ModelResult>,
  };
}

async function rankingQuality(
  score: (texts: readonly string[]) => Promise<readonly number[]>,
  sentences: readonly LabelledText[],
  rankings: readonly Ranking[],
): Promise<RankingQuality> {
  const scores = await score(sentences.map(({ text }) => text));
  const scoreOf = new Map(sentences.map(({ text }, index) => [text, scores[index] as number]));
  const inOrder: number[] = [];
  for (const { responses, ranks } of rankings) {
    for (const [a, rankA] of ranks.entries()) {
      for (const [b, rankB] of ranks.entries()) {
        if (rankA >= rankB) continue;
        const [better, worse] = [scoreOf.get(responses[a] as string)!, scoreOf.get(responses[b] as string)!];
        inOrder.push(better > worse ? 1 : better === worse ? 0.5 : 0);
      }
    }
  }
  const of = (positive: boolean) => scores.filter((_, index) => sentences[index]?.positive === positive);
  return { pairs: mean(inOrder), area: areaUnderCurve(of(true), of(false)) };
}

function meansByPrompt(samples: readonly Sample[], values: readonly number[], prompts: number): number[] {
  return Array.from({ length: prompts }, (_, prompt) =>
    mean(values.filter((__, index) => samples[index]?.prompt === prompt)),
  );
}

function diversity(samples: readonly Sample[]): Pick<ModelResult, "distinctWords" | "distinctPairs"> {
  const words = samples.map(({ response }) => wordsOf(response));
  const pairs = words.map((row) => row.slice(1).map((word, index) => `${row[index]} ${word}`));
  const distinct = (rows: readonly (readonly string[])[]) => {
    const all = rows.flat();
    return all.length === 0 ? 0 : new Set(all).size / all.length;
  };
  return { distinctWords: distinct(words), distinctPairs: distinct(pairs) };
}

function coverage(judge: Judge, samples: readonly Sample[]): number {
  return mean(samples.map(({ response }) => judge.coverage(response)));
}
