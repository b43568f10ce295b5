import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom, referenceBackend, uploadAll } from "@alignkit/core";
import {
  createGenerator,
  createModelConfig,
  createRewardScorer,
  type Head,
  hostTensors,
  initializeParameters,
  readTokenizerFiles,
  writeModelDirectory,
} from "@alignkit/models";
import { createTokenizer } from "@alignkit/tokenizer";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createValidationReward } from "./validation-reward.js";

const backend = referenceBackend();

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-validation-"));
});
afterEach(() => rm(directory, { recursive: true }));

function createModel(head: Head, vocab_size: number, seed: number, rewardBias = 0) {
  const shape = { n_positions: 96, n_embd: 6, n_layer: 1, n_head: 2, initializer_range: 0.5 };
  const config = { ...createModelConfig({ model_type: "gpt2", vocab_size, ...shape }), rewardBias };
  const parameters = initializeParameters(config, head, createRandom(seed));
  return { config, head, parameters, generationConfig: null };
}

const tokenizerFiles = (name: string) =>
  readTokenizerFiles(fileURLToPath(new URL(`../../tokenizer/fixtures/${name}/`, import.meta.url)));

/** Greedy responses of a policy, and what a reward model says of rows, each by its own means. */
async function expectedMean(
  policy: ReturnType<typeof createModel>,
  reward: ReturnType<typeof createModel>,
  prompts: readonly (readonly number[])[],
  rowOf: (prompt: readonly number[], response: readonly number[]) => readonly number[],
) {
  const parameters = await uploadAll(backend, hostTensors(policy.parameters));
  const generator = createGenerator(backend, policy.config, parameters);
  const options = { maxNewTokens: 4, temperature: 0, ignoreEos: true };
  const responses = await generator.generate(prompts, options, createRandom(0));
  const weights = await uploadAll(backend, hostTensors(reward.parameters));
  const scorer = createRewardScorer(backend, reward.config, weights);
  const scores = await scorer.scores(responses.map(({ ids }, row) => rowOf(prompts[row]!, ids)));
  return { parameters, mean: scores.reduce((total, score) => total + score) / scores.length };
}

describe("eval_reward", () => {
  it("is the mean score of greedy responses, bias included, the same each time", async () => {
    const [policy, reward] = [createModel("language_model", 13, 1), createModel("scalar", 13, 2, 0.75)];
    await writeModelDirectory(directory, reward, { overwrite: true });
    const prompts = [[1, 2, 3], [4], [5, 6]];
    const { parameters, mean } = await expectedMean(policy, reward, prompts, (a, b) => [...a, ...b]);
    const validation = await createValidationReward({
      backend,
      policy: { config: policy.config, files: new Map(), tokenizer: undefined },
      rewardModel: { directory },
      prompts: prompts.map((ids) => ({ inputIds: Int32Array.from(ids) })),
      responseLength: 4,
      temperature: 0,
      random: createRandom(9),
    });
    expect(await validation.score(parameters)).toBeCloseTo(mean, 6);
    expect(await validation.score(parameters)).toBeCloseTo(mean, 6);
    await validation.dispose();
  });

  it("gives a reward model the text in ids of its own tokenizer", async () => {
    const [files, own] = [await tokenizerFiles("bpe_gpt2"), await tokenizerFiles("bpe_qwen")];
    const [tokenizer, other] = [createTokenizer(files), createTokenizer(own)];
    const policy = createModel("language_model", tokenizer.vocabularySize, 1);
    const reward = createModel("scalar", other.vocabularySize, 2);
    await writeModelDirectory(directory, reward, { files: own, overwrite: true });
    const prompts = ["The cat sat", "Who ran?"].map((text) => tokenizer.encode(text));
    const text = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
    const { parameters, mean } = await expectedMean(policy, reward, prompts, (prompt, response) => [
      ...other.encode(text(prompt)),
      ...other.encode(text(response), { addSpecialTokens: false }),
    ]);
    const validation = await createValidationReward({
      backend,
      policy: { config: policy.config, files, tokenizer },
      rewardModel: { directory },
      prompts: prompts.map((ids) => ({ inputIds: Int32Array.from(ids) })),
      responseLength: 4,
      temperature: 0,
      random: createRandom(9),
    });
    expect(await validation.score(parameters)).toBeCloseTo(mean, 6);
    await validation.dispose();
  });

  it("refuses what is not a reward model, and tokenizers that cannot be joined", async () => {
    const policy = createModel("language_model", 13, 1);
    const options = {
      backend,
      policy: { config: policy.config, files: await tokenizerFiles("bpe_gpt2"), tokenizer: undefined },
      rewardModel: { directory },
      prompts: [{ inputIds: Int32Array.of(1) }],
      responseLength: 4,
      temperature: 0,
      random: createRandom(9),
    };
    await writeModelDirectory(directory, policy, { overwrite: true });
    await expect(createValidationReward(options)).rejects.toThrow("give a reward model");
    const reward = createModel("scalar", 13, 2);
    await writeModelDirectory(directory, reward, { overwrite: true });
    await expect(createValidationReward(options)).rejects.toThrow("one has no tokenizer.json");
  });
});
