import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom } from "@alignkit/core";
import { createModelConfig, initializeParameters, writeModelDirectory } from "@alignkit/models";
import { trainByteLevelBpe } from "@alignkit/tokenizer";
import { afterAll, beforeAll, expect, it } from "vitest";
import { modelNames } from "./evaluate.js";
import { writeReport } from "./report.js";
import { runSeed } from "./run-seed.js";
import { tinySettings } from "./settings.js";

const stories = Array.from(
  { length: 12 },
  (_, index) => `Once there was cat ${index}. It saw a ball.\n\nIt ran to the ball. It was glad.`,
).join("\n\n");
const sentences = (word: string) =>
  Array.from({ length: 50 }, (_, index) => `a ${word} film , number ${index} .`).join("\n");

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stories-"));
  const tokenizer = trainByteLevelBpe({
    texts: [stories],
    vocabularySize: 300,
    specialTokens: { bos: "<s>", eos: "</s>", pad: "<pad>" },
  });
  const config = createModelConfig({
    model_type: "llama",
    vocab_size: tokenizer.vocabularySize,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 128,
    tie_word_embeddings: true,
    bos_token_id: tokenizer.bosTokenId,
    eos_token_id: tokenizer.eosTokenId,
    pad_token_id: tokenizer.padTokenId,
  });
  await writeModelDirectory(
    join(directory, "model"),
    {
      config,
      head: "language_model",
      parameters: initializeParameters(config, "language_model", createRandom(1)),
      generationConfig: null,
    },
    { files: tokenizer.files },
  );
  await writeFile(join(directory, "stories.txt"), stories);
  await writeFile(join(directory, "rt-polarity.pos"), sentences("good"));
  await writeFile(join(directory, "rt-polarity.neg"), sentences("bad"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

it("goes from a model to a report", async () => {
  const backend = await createOnnxBackend({ threads: 1 });
  const result = await runSeed({
    inputs: {
      model: join(directory, "model"),
      stories: join(directory, "stories.txt"),
      polarity: directory,
    },
    settings: tinySettings,
    backend,
    directory: join(directory, "run"),
    seed: 1,
    print() {},
  });
  await backend.dispose();
  // "good" and "bad" tell the classes apart.
  expect(result.judgeAccuracy).toBe(1);
  expect(result.bagOfWords.pairs).toBe(1);
  for (const name of modelNames) {
    // ln 300 = 5.70 is what a model that knows nothing pays.
    expect(result.models[name].storyLoss).toBeGreaterThan(4);
    expect(result.models[name].storyLoss).toBeLessThan(7);
    expect(result.models[name].judge).toHaveLength(tinySettings.evaluation.openings);
  }
  // Of the SFT model to itself: sampler and scorer agree.
  for (const kl of result.models.sft.kl) expect(Math.abs(kl)).toBeLessThan(1e-3);
  const report = writeReport([result], createRandom(0));
  expect(report).toContain("| PPO-ptx |");
  expect(report).not.toContain("NaN");
});
