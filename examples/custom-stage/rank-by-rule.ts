/**
 * A stage of one's own as a plugin: samples responses of a policy and ranks them by a rule.
 *
 * It makes the `rankings` that the stage `reward` consumes, so that it can stand between `sft` and `reward` in any
 * pipeline. Replace `score` by a program, a service or a person, and it labels with that.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { definePlugin, defineStage, float32, uploadAll } from "@alignkit/core";
import { dataFiles, rankingsArtifact, readPrompts } from "@alignkit/data";
import { createGenerator, policyArtifact, readModelDirectory } from "@alignkit/models";
import { loadTokenizer } from "@alignkit/tokenizer";
import { z } from "zod";

/** Higher is better; equal scores become ties. */
function score(response: string): number {
  return response.includes("hello") ? 1 : 0;
}

export const rankByRule = defineStage({
  name: "rank-by-rule",
  description: "Samples responses to each prompt and ranks them by a rule",
  config: z.strictObject({
    prompt_files: z.array(z.string()).min(1).describe("Prompts: .jsonl of {prompt}"),
    responses: z.int().min(2).max(9).default(4).describe("Responses to each prompt (paper: 4 to 9)"),
    max_new_tokens: z.int().positive().default(16).describe("Most tokens of a response"),
  }),
  consumes: { policy: policyArtifact },
  produces: { rankings: rankingsArtifact },

  async run(context, config, { policy }) {
    // 1. The policy and the prompts.
    const { backend, random, signal } = context;
    const { config: model, parameters } = await readModelDirectory(policy.directory);
    const tokenizer = await loadTokenizer(policy.directory);
    const tensors = await uploadAll(
      backend,
      Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, float32(data, shape)])),
    );
    const generator = createGenerator(backend, model, tensors);
    const records = await readPrompts(config.prompt_files.map(context.resolvePath));
    const prompts = records.flatMap((record) => ("prompt" in record ? [record.prompt] : []));

    // 2. Responses, all copies of a prompt beside each other.
    const ids = prompts.flatMap((prompt) => new Array(config.responses).fill(tokenizer.encode(prompt)));
    const options = { maxNewTokens: config.max_new_tokens, temperature: 1 };
    const generations = await generator.generate(ids, options, random.split("responses"), signal);
    await generator.dispose();
    for (const tensor of Object.values(tensors)) tensor.dispose();

    // 3. Ranks: 1 is best.
    const rows = prompts.map((prompt, index) => {
      const own = generations.slice(index * config.responses, (index + 1) * config.responses);
      const responses = own.map((one) => tokenizer.decode(one.ids, { skipSpecialTokens: true }));
      const scores = responses.map(score);
      const ranks = scores.map((value) => 1 + scores.filter((other) => other > value).length);
      context.tracker.log(index + 1, { best: Math.max(...scores), worst: Math.min(...scores) });
      return { prompt, responses, ranks };
    });

    // 4. The artifact: written where the run directory wants it, and handed over by path.
    const directory = context.artifactDirectory("rankings");
    const untied = rows.filter(({ ranks }) => new Set(ranks).size > 1);
    context.logger.info(`${untied.length} of ${rows.length} rankings are not all ties`);
    await writeFile(
      join(directory, dataFiles.train),
      untied.map((row) => `${JSON.stringify(row)}\n`).join(""),
    );
    return { rankings: { directory } };
  },
});

/** What `--plugin` looks for. */
export const plugin = definePlugin({ name: "rank-by-rule", stages: [rankByRule] });
