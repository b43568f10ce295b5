import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom } from "@alignkit/core";
import { createModelConfig, initializeParameters, writeModelDirectory } from "@alignkit/models";
import { trainByteLevelBpe } from "@alignkit/tokenizer";
import { afterAll, beforeAll, expect, it } from "vitest";
import { arms, trainArm } from "./compare.js";
import { longerIsBetter, type Message, pairsOf, rankingsOfTree, treeTask } from "./rankings.js";
import { writeReport } from "./report.js";
import { tinySettings } from "./settings.js";

const answer = (text: string, rank: number, replies: readonly Message[] = []): Message => ({
  text,
  role: "assistant",
  rank,
  replies,
});
const tree = (index: number): Message => ({
  text: `What is ${index} and ${index}?`,
  role: "prompter",
  replies: [
    answer("No.", 2),
    answer(`It is ${2 * index}.`, 0, [
      { text: "Sure?", role: "prompter", replies: [answer("Yes.", 1), answer("Yes, sure.", 0)] },
    ]),
    answer("One more.", 1),
  ],
});

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "kwise-vs-pairs-"));
  const tokenizer = trainByteLevelBpe({ texts: ["What is it? It is one."], vocabularySize: 264 });
  const config = createModelConfig({
    model_type: "llama",
    vocab_size: tokenizer.vocabularySize,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    bos_token_id: tokenizer.bosTokenId,
    eos_token_id: tokenizer.eosTokenId,
    pad_token_id: tokenizer.padTokenId,
  });
  const parameters = initializeParameters(config, "language_model", createRandom(1));
  await writeModelDirectory(
    join(directory, "model"),
    { config, head: "language_model", parameters, generationConfig: null },
    { files: tokenizer.files },
  );
  const trees = Array.from({ length: 8 }, (_, index) => JSON.stringify({ prompt: tree(index) }));
  await writeFile(join(directory, "trees.jsonl"), `${trees.join("\n")}\n`);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

it("finds every ranked message of a tree, and its pairs", () => {
  const rankings = rankingsOfTree(tree(3), 12);
  expect(rankings).toEqual([
    {
      prompt: "user:  is 3 and 3?\nassistant:",
      responses: [" No.", " It is 6.", " One more."],
      ranks: [2, 0, 1],
    },
    { prompt: "user: Sure?\nassistant:", responses: [" Yes.", " Yes, sure."], ranks: [1, 0] },
  ]);
  const prompt = "user: Sure?\nassistant:";
  expect(pairsOf(rankings.slice(1))).toEqual([{ prompt, chosen: " Yes, sure.", rejected: " Yes." }]);
  expect(pairsOf(rankings)).toHaveLength(4);
  // " It is 6." and " One more." beat " No."; of " It is 6." (9) and " One more." (10) the shorter one is better.
  expect(longerIsBetter(rankings)).toBe(3 / 4);
});

it("trains both arms on the same comparisons, and reports", async () => {
  const backend = await createOnnxBackend({ threads: 1 });
  const inputs = { trees: join(directory, "trees.jsonl"), model: join(directory, "model") };
  const task = await treeTask(inputs, 1, tinySettings, createRandom(1));
  const prompts = [...task.train, ...task.heldOut].map(({ prompt }) => prompt);
  expect(prompts).toHaveLength(16);
  const runs = [];
  for (const arm of arms) {
    const place = { backend, directory: join(directory, arm) };
    runs.push(await trainArm(task, { arm, learningRate: 1e-3 }, tinySettings, place));
  }
  await backend.dispose();
  const [kwise, pairs] = runs;
  // 4 trees, each with a ranking of 3 (3 pairs) and one of 2 (1 pair).
  expect([kwise!.comparisons, kwise!.rowsPerEpoch]).toEqual([16, 20]);
  expect([pairs!.comparisons, pairs!.rowsPerEpoch]).toEqual([16, 32]);
  // 8 rankings in updates of 2; evaluated before, and twice an epoch.
  for (const { updatesPerEpoch, points } of runs) {
    expect(updatesPerEpoch).toBe(4);
    expect(points.map(({ epoch }) => epoch)).toEqual([0, 0.5, 1, 1.5, 2]);
  }
  // One model at the start, one loss of the held-out rankings.
  expect(kwise!.points[0]!.heldOutLoss).toBeCloseTo(pairs!.points[0]!.heldOutLoss, 6);
  const report = writeReport(runs);
  expect(report).toContain("| 0.001 | shuffled pairs |");
  expect(report).not.toContain("NaN");
});
