/** K answers to each prompt, ranked by a simulated labeler (Ouyang et al. 2022, section 3.5: K = 4 to 9, ties allowed). */
import { join } from "node:path";
import { defineStage } from "@alignkit/core";
import { dataFiles, rankingsArtifact } from "@alignkit/data";
import { policyArtifact } from "@alignkit/models";
import { type Labeler, type Prompt, rank } from "@alignkit/world";
import { z } from "zod";
import { settingArtifact } from "./artifacts.js";
import { writeJsonLines } from "./json-lines.js";
import { openPolicy } from "./policy.js";

const LEAST_RESPONSES = 4;
const MOST_RESPONSES = 9;

export const rankingStage = defineStage({
  name: "rank",
  description: "Samples 4 to 9 answers to each prompt and has simulated labelers rank them",
  config: z.strictObject({
    temperature: z.number().positive().default(1),
    max_new_tokens: z.int().positive(),
  }),
  consumes: { policy: policyArtifact, setting: settingArtifact },
  produces: { rankings: rankingsArtifact },

  async run(context, { temperature, max_new_tokens: maxNewTokens }, { policy: directory, setting }) {
    const { backend, random, signal, logger } = context;
    const policy = await openPolicy(backend, directory);
    const target = context.artifactDirectory("rankings");
    try {
      for (const [file, prompts, labelers] of [
        [dataFiles.train, setting.rankingPrompts, setting.trainingLabelers],
        [dataFiles.evaluation, setting.heldOutRankingPrompts, setting.heldOutLabelers],
      ] as const) {
        // 1. How many answers each prompt gets, and who ranks them
        const drawing = random.split(file);
        const jobs = prompts.map((prompt) => ({
          prompt,
          count: LEAST_RESPONSES + drawing.integer(MOST_RESPONSES - LEAST_RESPONSES + 1),
          labeler: labelers[drawing.integer(labelers.length)] as Labeler,
        }));

        // 2. The answers
        const answers = await policy.answer(
          jobs.flatMap(({ prompt, count }) => new Array<string>(count).fill(prompt.text)),
          { temperature, maxNewTokens, random: random.split(`answers of ${file}`), signal },
        );

        // 3. Their ranks
        let next = 0;
        const rows = jobs.map(({ prompt, count, labeler }) => {
          const responses = answers.slice(next, next + count).map(({ response }) => response);
          next += count;
          return rankingRow(setting.world, prompt, responses, labeler);
        });
        // Answers that are all alike say nothing.
        const untied = rows.filter(({ ranks }) => new Set(ranks).size > 1);
        await writeJsonLines(join(target, file), untied);
        logger.info(
          `${file}: ${answers.length} answers to ${jobs.length} prompts, ${untied.length} rankings`,
        );
      }
    } finally {
      await policy.dispose();
    }
    return { rankings: { directory: target } };
  },
});

function rankingRow(
  world: Parameters<typeof rank>[1],
  prompt: Prompt,
  responses: readonly string[],
  labeler: Labeler,
) {
  return {
    prompt: prompt.text,
    responses,
    ranks: rank(labeler, world, prompt, responses),
    labeler: labeler.name,
    use_case: prompt.useCase,
  };
}
