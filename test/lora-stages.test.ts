/** Stages that train an adapter: the base stays, the adapter is what is written, and models of one base share it. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { type Backend, createRandom, createRegistry, runPipeline, silentLogger } from "@alignkit/core";
import {
  createModelConfig,
  initializeParameters,
  readModelDirectory,
  writeModelDirectory,
} from "@alignkit/models";
import { ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const registry = createRegistry([sft(), reward(), ppo()]);
const config = createModelConfig({
  model_type: "qwen3",
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 8,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
  initializer_range: 0.2,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
});

let root: string;
let backend: Backend;
/** Uploads of a matrix as large as the embedding, `[23, 16]`. */
let embeddings = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "alignkit-lora-stages-"));
  const onnx = await createOnnxBackend({ threads: 1 });
  const { uploadWith: _, ...rest } = onnx;
  backend = {
    ...rest,
    upload(value) {
      if (value.type.shape.join() === "23,16") embeddings += 1;
      return onnx.upload(value);
    },
  };
  await writeModelDirectory(join(root, "base"), {
    config,
    head: "language_model",
    parameters: initializeParameters(config, "language_model", createRandom(1)),
    generationConfig: null,
  });
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const numbers = Array.from({ length: 12 }, (_, index) => index);
  const demonstrations = numbers.map((i) => ({
    input_ids: [1, 3 + i, 4 + i, 2],
    labels: [-100, -100, 4 + i, 2],
  }));
  await writeFile(join(root, "demonstrations.jsonl"), lines(demonstrations));
  const rankings = numbers.map((i) => ({
    input_ids: [
      [1, 3 + i, 7, 2],
      [1, 3 + i, 8, 2],
    ],
    ranks: [1, 2],
  }));
  await writeFile(join(root, "rankings.jsonl"), lines(rankings));
  await writeFile(join(root, "prompts.jsonl"), lines(numbers.map((i) => ({ input_ids: [1, 3 + i] }))));
});
afterAll(async () => {
  await backend.dispose();
  await rm(root, { recursive: true });
});

async function run(name: string, use: string, settings: object, inputs: Record<string, string>) {
  const paths = Object.fromEntries(Object.entries(inputs).map(([key, path]) => [key, { path }]));
  const { artifacts } = await runPipeline(
    { stages: [{ use, config: settings, inputs: paths }] },
    { registry, backend, runDirectory: join(root, name), baseDirectory: root, seed: 5, logger: silentLogger },
  );
  const text = await readFile(join(root, name, "metrics.jsonl"), "utf8");
  const metrics = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);
  return { directory: Object.values(artifacts)[0] as string, metrics };
}

const lora = { use_peft: true, lora_r: 4, lora_target_modules: "all-linear", lora_alpha: 8 };
const loop = { learning_rate: 0.05, num_train_epochs: 12, per_device_train_batch_size: 6 };

/** Files of an adapter, and that everything else of the model is the base's. */
async function expectAdapterOfBase(directory: string): Promise<void> {
  expect((await readdir(directory)).filter((name) => name.startsWith("adapter_")).sort()).toEqual([
    "adapter_config.json",
    "adapter_model.safetensors",
  ]);
  const [model, base] = [await readModelDirectory(directory), await readModelDirectory(join(root, "base"))];
  for (const [name, { data }] of base.parameters) {
    const own = model.parameters.get(name);
    if (own !== undefined) expect(own.data).toEqual(data);
  }
  const changed = [...model.parameters].filter(([name]) => name.includes("lora_B"));
  // 2 layers of 7 projections
  expect(changed).toHaveLength(14);
  for (const [, { data }] of changed) expect(data.some((value) => value !== 0)).toBe(true);
}

describe("with use_peft", () => {
  let policy: string;
  let rewardModel: string;

  it("sft trains an adapter of the base", async () => {
    const { directory, metrics } = await run(
      "sft",
      "sft",
      { ...lora, ...loop, train_files: "demonstrations.jsonl" },
      { init: "base" },
    );
    policy = directory;
    await expectAdapterOfBase(policy);
    expect(metrics.at(-1)!.loss!).toBeLessThan(0.8 * metrics[0]!.loss!);
  });

  it("without it, an adapter is merged and the whole model trained", async () => {
    const { directory } = await run(
      "whole",
      "sft",
      { ...loop, num_train_epochs: 1, learning_rate: 0, train_files: "demonstrations.jsonl" },
      { init: policy },
    );
    expect(await readdir(directory)).toContain("model.safetensors");
    expect((await readModelDirectory(directory)).config.lora).toBeNull();
  });

  it("reward goes on with it, under a head of its own", async () => {
    const { directory, metrics } = await run(
      "reward",
      "reward",
      { use_peft: true, ...loop, train_files: "rankings.jsonl" },
      { init: policy },
    );
    rewardModel = directory;
    await expectAdapterOfBase(rewardModel);
    expect((await readModelDirectory(rewardModel)).head).toBe("scalar");
    expect(metrics.at(-1)!.accuracy).toBe(1);
  });

  it("ppo begins at a KL of 0, and holds the base of its four models once", async () => {
    embeddings = 0;
    const { directory, metrics } = await run(
      "ppo",
      "ppo",
      {
        use_peft: true,
        prompt_files: "prompts.jsonl",
        batch_size: 12,
        num_mini_batches: 2,
        total_episodes: 36,
        per_device_train_batch_size: 6,
        response_length: 4,
        learning_rate: 0.01,
        value_learning_rate: 0.01,
      },
      { init: policy, rewardModel },
    );
    expect(embeddings).toBe(1);
    // The adapter of sft is not zero: the bare base as the reference would not agree with it.
    expect(Math.abs(metrics[0]!["objective/kl"]!)).toBeLessThan(1e-4);
    expect(Math.abs(metrics.at(-1)!["objective/kl"]!)).toBeGreaterThan(1e-3);
    await expectAdapterOfBase(directory);
    const [before, after] = [await readModelDirectory(policy), await readModelDirectory(directory)];
    const name = "model.layers.0.self_attn.q_proj.lora_B.weight";
    expect(after.parameters.get(name)!.data).not.toEqual(before.parameters.get(name)!.data);
  });
});
