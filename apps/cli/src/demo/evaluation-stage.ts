/** Measures base, SFT, PPO and PPO-ptx on held-out prompts; nothing here trains anything. */
import { join } from "node:path";
import { defineStage, type Random } from "@alignkit/core";
import {
  dataFiles,
  demonstrationsArtifact,
  rankingsArtifact,
  readTexts,
  textsArtifact,
} from "@alignkit/data";
import { policyArtifact, rewardModelArtifact } from "@alignkit/models";
import {
  assess,
  evaluateResponses,
  goldScore,
  type Labeler,
  type Prompt,
  preference,
  rank,
} from "@alignkit/world";
import { z } from "zod";
import { resultsArtifact, type Setting, settingArtifact } from "./artifacts.js";
import { type Answer, openPolicy } from "./policy.js";
import { estimate, type PolicyName, type PolicyResults, policyNames, type Results } from "./results.js";
import { judgeRewardModel, openRewardModel } from "./reward-model.js";

const note =
  "The labelers and the gold judge are simulated: formulas over what a parser measures of an answer. No person ranked anything.";

/** As PPO samples (paper: 1). */
const temperature = 1;

export const evaluationStage = defineStage({
  name: "evaluate",
  description: "Compares base, SFT, PPO and PPO-ptx on held-out prompts and raw text",
  config: z.strictObject({
    max_new_tokens: z.int().positive(),
    remark: z.string().default("").describe("Stands beside the results"),
    samples: z.int().nonnegative().default(12).describe("Prompts whose answers are shown"),
  }),
  consumes: {
    base: policyArtifact,
    sft: policyArtifact,
    ppo: policyArtifact,
    ppoPtx: policyArtifact,
    rewardModel: rewardModelArtifact,
    setting: settingArtifact,
    texts: textsArtifact,
    rankings: rankingsArtifact,
    demonstrations: demonstrationsArtifact,
  },
  produces: { results: resultsArtifact },

  async run({ backend, random, signal, logger }, config, inputs) {
    const { setting } = inputs;
    const prompts = setting.evaluationPrompts;
    const rewardModel = await openRewardModel(backend, inputs.rewardModel);
    const heldOut = (await readTexts([join(inputs.texts.directory, dataFiles.evaluation)])).flatMap(
      (record) => (record.kind === "text" ? [record.text] : []),
    );

    // 1. Answers of each policy, sampled and greedy, and its loss on raw text
    const sft = await openPolicy(backend, inputs.sft);
    const found = {} as Record<PolicyName, Measured>;
    for (const name of policyNames) {
      const policy = name === "sft" ? sft : await openPolicy(backend, inputs[name]);
      const ask = (degree: number) =>
        policy.answer(
          prompts.map(({ text }) => text),
          { temperature: degree, maxNewTokens: config.max_new_tokens, random: random.split(name), signal },
        );
      const answers = await ask(temperature);
      const greedy = await ask(0);
      const underSft = await sft.logProbs(answers);
      found[name] = {
        answers,
        greedy,
        kl: answers.map(({ logProb }, index) => logProb - (underSft[index] as number)),
        rawTextLoss: await policy.loss(heldOut),
        rewards: await rewardModel.scores(
          answers.map(({ promptIds, responseIds }) => [...promptIds, ...responseIds]),
        ),
      };
      if (policy !== sft) await policy.dispose();
      logger.debug(`${name}: ${prompts.length} prompts answered`);
    }
    await sft.dispose();

    // 2. Who is preferred to the SFT model
    const judges = prompts.map((_, index) => labelerOf(setting, random.split("judges").split(String(index))));
    const compare = (key: "answers" | "greedy", name: PolicyName) =>
      comparison(setting, judges, found[name][key], found.sft[key]);
    const forAll = <T>(describe: (name: PolicyName) => T) =>
      Object.fromEntries(policyNames.map((name) => [name, describe(name)])) as Record<PolicyName, T>;
    const policies = forAll((name): PolicyResults => {
      const { answers, kl, rawTextLoss, rewards } = found[name];
      const { gold: _, ...measured } = evaluateResponses(
        setting.world,
        prompts,
        answers.map(({ response }) => response),
      );
      return {
        ...compare("answers", name),
        ...measured,
        klToSft: estimate(kl),
        rawTextLoss,
        rewardModelScore: estimate([...rewards]).mean,
      };
    });

    // 3. The reward model on labelers that it has not seen
    const rewardResults = await judgeRewardModel(setting, rewardModel, inputs);
    await rewardModel.dispose();

    // 4. Samples: the first prompts, not chosen
    const samples = prompts.slice(0, config.samples).map((prompt, index) => ({
      prompt: prompt.text,
      useCase: prompt.useCase,
      answers: forAll((name) => (found[name].answers[index] as Answer).response.trim()),
      goldScores: forAll((name) => scoreOf(setting, prompt, found[name].answers[index] as Answer)),
    }));
    const results: Results = {
      note: [note, config.remark].filter((line) => line !== "").join(" "),
      prompts: prompts.length,
      temperature,
      policies,
      greedy: forAll((name) => compare("greedy", name)),
      rewardModel: rewardResults,
      samples,
    };
    return { results };
  },
});

interface Measured {
  readonly answers: readonly Answer[];
  readonly greedy: readonly Answer[];
  readonly kl: readonly number[];
  readonly rawTextLoss: number;
  readonly rewards: Float32Array;
}

function labelerOf({ heldOutLabelers }: Setting, random: Random): Labeler {
  return heldOutLabelers[random.integer(heldOutLabelers.length)] as Labeler;
}

function scoreOf({ world }: Setting, prompt: Prompt, { response }: Answer): number {
  return goldScore(assess(world, prompt, response));
}

function comparison(
  setting: Setting,
  judges: readonly Labeler[],
  answers: readonly Answer[],
  baseline: readonly Answer[],
) {
  const { world, evaluationPrompts } = setting;
  const pairs = evaluationPrompts.map((prompt, index) => ({
    prompt,
    own: answers[index] as Answer,
    other: baseline[index] as Answer,
    judge: judges[index] as Labeler,
  }));
  return {
    goldScore: estimate(pairs.map(({ prompt, own }) => scoreOf(setting, prompt, own))),
    winRateByGold: estimate(
      pairs.map(({ prompt, own, other }) => preference(world, prompt, own.response, other.response)),
    ),
    winRateByLabelers: estimate(
      pairs.map(({ prompt, own, other, judge }) => {
        const [first, second] = rank(judge, world, prompt, [own.response, other.response]) as [
          number,
          number,
        ];
        return first === second ? 0.5 : Number(first < second);
      }),
    ),
  };
}
