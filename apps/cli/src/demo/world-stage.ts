/** The data of the demo, made by the seeded generator of `@alignkit/world` and written as files that every verb reads. */
import { join } from "node:path";
import { defineStage } from "@alignkit/core";
import { dataFiles, demonstrationsArtifact, promptsArtifact, textsArtifact } from "@alignkit/data";
import { demonstrate, makeLabelers, makePrompts, makeRawCorpus, makeWorld } from "@alignkit/world";
import { z } from "zod";
import { settingArtifact } from "./artifacts.js";
import { writeJsonLines } from "./json-lines.js";

const count = z.int().positive();

export const worldConfig = z.strictObject({
  raw_texts: count.describe("Raw texts to pretrain on"),
  held_out_texts: count.describe("Raw texts on which the alignment tax is measured"),
  demonstrations: count.describe("Prompts with a labeler's answer"),
  mixed_texts: count.describe("Raw texts mixed into fine-tuning"),
  ranking_prompts: count.describe("Prompts whose answers are ranked for training"),
  held_out_ranking_prompts: count.describe("Prompts whose answers are ranked by held-out labelers"),
  ppo_prompts: count.describe("Prompts of PPO"),
  evaluation_prompts: count.describe("Prompts of the evaluation"),
  labelers: count.describe("Simulated labelers of each group"),
  labeler_error: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Scales how much labelers err; set so that they agree as often as the paper's"),
});

export const worldStage = defineStage({
  name: "world",
  description: "Makes a small world: raw text, demonstrations, prompts and simulated labelers",
  config: worldConfig,
  consumes: {},
  produces: {
    setting: settingArtifact,
    texts: textsArtifact,
    mixture: textsArtifact,
    demonstrations: demonstrationsArtifact,
    prompts: promptsArtifact,
  },

  async run({ random, artifactDirectory, logger }, config) {
    const world = makeWorld(random.split("world"));
    const promptsOf = (split: Parameters<typeof makePrompts>[3], size: number) =>
      makePrompts(random.split(`prompts of ${split}`), world, size, split);
    const at = (output: string, file: string) => join(artifactDirectory(output), file);

    // 1. Raw text: to pretrain on, held out, and a part that is mixed into fine-tuning
    const raw = makeRawCorpus(random.split("raw text"), world, {
      train: config.raw_texts,
      heldOut: config.held_out_texts,
    });
    const toRows = (texts: readonly string[]) => texts.map((text) => ({ text }));
    await writeJsonLines(at("texts", dataFiles.train), toRows(raw.train));
    await writeJsonLines(at("texts", dataFiles.evaluation), toRows(raw.heldOut));
    await writeJsonLines(at("mixture", dataFiles.train), toRows(raw.train.slice(0, config.mixed_texts)));

    // 2. Demonstrations
    const writing = random.split("demonstrations");
    const demonstrations = promptsOf("sft", config.demonstrations).map((prompt) => {
      const { response, style } = demonstrate(writing, world, prompt);
      return { prompt: prompt.text, completion: ` ${response}`, use_case: prompt.useCase, style };
    });
    await writeJsonLines(at("demonstrations", dataFiles.train), demonstrations);

    // 3. Labelers and prompts
    const labelersOf = (group: string) =>
      makeLabelers(random.split(group), config.labelers, group).map((labeler) => ({
        ...labeler,
        noise: labeler.noise * config.labeler_error,
      }));
    const ranking = promptsOf("reward", config.ranking_prompts + config.held_out_ranking_prompts);
    const forPpo = promptsOf("ppo", config.ppo_prompts);
    await writeJsonLines(
      at("prompts", dataFiles.train),
      forPpo.map(({ text, useCase }) => ({ prompt: text, use_case: useCase })),
    );
    logger.info(
      `${raw.train.length} raw texts, ${demonstrations.length} demonstrations, ${ranking.length} prompts to rank, ${forPpo.length} prompts for PPO`,
    );
    return {
      setting: {
        world,
        trainingLabelers: labelersOf("labeler"),
        heldOutLabelers: labelersOf("held-out"),
        rankingPrompts: ranking.slice(0, config.ranking_prompts),
        heldOutRankingPrompts: ranking.slice(config.ranking_prompts),
        evaluationPrompts: promptsOf("evaluation", config.evaluation_prompts),
      },
      texts: { directory: artifactDirectory("texts") },
      mixture: { directory: artifactDirectory("mixture") },
      demonstrations: { directory: artifactDirectory("demonstrations") },
      prompts: { directory: artifactDirectory("prompts") },
    };
  },
});
