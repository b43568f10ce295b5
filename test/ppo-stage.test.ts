/** The PPO stage as a pipeline runs it, on the ONNX backend. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom, type MetricsRecord } from "@alignkit/core";
import {
  createModelConfig,
  initializeParameters,
  type ModelConfig,
  writeModelDirectory,
} from "@alignkit/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPpo } from "./fixtures/run-ppo.js";

const shared = {
  vocab_size: 23,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
};
const tokens = { bos_token_id: 1, eos_token_id: 2, pad_token_id: 0 };

let root: string;

async function writeModel(name: string, head: "language_model" | "scalar", seed: number): Promise<void> {
  const config: ModelConfig = createModelConfig({
    model_type: "llama",
    ...shared,
    ...tokens,
    initializer_range: 0.2,
  });
  const parameters = initializeParameters(config, head, createRandom(seed));
  await writeModelDirectory(join(root, name), {
    config: { ...config, rewardBias: head === "scalar" ? 0.25 : 0 },
    head,
    parameters,
    generationConfig: null,
  });
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "alignkit-ppo-"));
  await writeModel("policy", "language_model", 1);
  await writeModel("reward", "scalar", 2);
  const prompts = Array.from({ length: 21 }, (_, i) => ({
    input_ids: [1, 3 + (i % 20), ...(i % 3 === 0 ? [5, 6] : [])],
  }));
  const texts = Array.from({ length: 9 }, (_, i) => ({
    input_ids: Array.from({ length: 5 + (i % 4) }, (_, t) => 3 + ((i + t) % 20)),
  }));
  await writeFile(join(root, "prompts.jsonl"), prompts.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(join(root, "texts.jsonl"), texts.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const config = {
  prompt_files: "prompts.jsonl",
  batch_size: 8,
  num_mini_batches: 2,
  total_episodes: 48,
  per_device_train_batch_size: 3,
  response_length: 6,
  learning_rate: 0.01,
  value_learning_rate: 0.01,
  warmup_steps: 2,
  save_steps: 2,
  ema_decay: 0.9,
};
const ptx = { ptx_files: "texts.jsonl", ptx_coef: 0.5, ptx_ratio: 1 };

const metricsOf = async (run: string): Promise<MetricsRecord[]> =>
  (await readFile(join(root, run, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
/** What must be equal between runs: everything but wall time. */
const withoutTime = (records: readonly MetricsRecord[]) =>
  records.map((record) => ({ ...record, "elapsed/iteration": null }));
const weightsOf = (run: string) => readFile(join(root, run, "artifacts", "ppo.policy", "model.safetensors"));

describe("the ppo stage", () => {
  it("raises the score of the reward model, and the KL with it, from a KL of 0", async () => {
    await runPpo({
      root,
      run: "learns",
      config: { ...config, total_episodes: 160, kl_coef: 0.01, ema_decay: null },
      seed: 3,
    });
    const records = (await metricsOf("learns")) as unknown as Record<string, number>[];
    expect(records).toHaveLength(20);
    expect(records.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    // Sampler and training graph agree on the weights that both begin with.
    expect(Math.abs(records[0]!["objective/kl"]!)).toBeLessThan(1e-4);
    expect(records[0]!.rollout_probs_diff).toBeLessThan(1e-4);
    expect(records[0]!["ppo/policy/clipfrac"]).toBeLessThan(0.5);
    const meanOf = (from: number, to: number, key: string) =>
      records.slice(from, to).reduce((total, record) => total + record[key]!, 0) / (to - from);
    expect(meanOf(15, 20, "objective/score")).toBeGreaterThan(meanOf(0, 5, "objective/score") + 0.1);
    expect(meanOf(15, 20, "objective/kl")).toBeGreaterThan(0.05);
  });

  it("learns from a reward function of the user, without a reward model", async () => {
    // Token 7 is wanted: its share of the response.
    const rewards = [
      {
        name: "sevens",
        score: ({ responseIds }: { responseIds: readonly Int32Array[] }) =>
          responseIds.map((ids) => ids.filter((id) => id === 7).length / ids.length),
      },
    ];
    await runPpo({
      root,
      run: "function",
      config: {
        ...config,
        total_episodes: 320,
        batch_size: 16,
        learning_rate: 0.03,
        kl_coef: 0,
        ema_decay: null,
      },
      seed: 4,
      rewards,
      withRewardModel: false,
    });
    const records = (await metricsOf("function")) as unknown as Record<string, number>[];
    expect(records.at(-1)!["reward/sevens"]).toBe(records.at(-1)!["objective/score"]);
    const last = records.slice(-3).reduce((total, record) => total + record["reward/sevens"]!, 0) / 3;
    expect(last).toBeGreaterThan(records[0]!["reward/sevens"]! + 0.2);
  });

  it("stays where it is at a learning rate of 0", async () => {
    await runPpo({ root, run: "still", config: { ...config, learning_rate: 0, ema_decay: null }, seed: 3 });
    const before = await readFile(join(root, "policy", "model.safetensors"));
    expect(Buffer.compare(await weightsOf("still"), before)).toBe(0);
  });

  it("goes on after Ctrl-C as if nothing had happened, byte for byte", async () => {
    await runPpo({ root, run: "whole", config: { ...config, ...ptx }, seed: 5 });
    for (const iteration of [1, 3]) {
      const run = `interrupted-${iteration}`;
      const interrupted = runPpo({
        root,
        run,
        config: { ...config, ...ptx },
        seed: 5,
        interruptAfter: iteration,
      });
      await expect(interrupted).rejects.toMatchObject({ code: "INTERRUPTED" });
      await runPpo({ root, run, config: { ...config, ...ptx }, seed: 5, resume: true });
      expect(Buffer.compare(await weightsOf(run), await weightsOf("whole"))).toBe(0);
      expect(withoutTime(await metricsOf(run))).toEqual(withoutTime(await metricsOf("whole")));
    }
    const keys = Object.keys((await metricsOf("whole"))[0]!);
    expect(keys).toEqual(
      expect.arrayContaining([
        "ptx/loss",
        "ptx/grad_norm_ratio",
        "objective/frac_no_eos",
        "reward_length_corr",
        "ppo/val/var_explained",
      ]),
    );
  });

  it("goes on after kill -9, byte for byte", async () => {
    const script = fileURLToPath(new URL("./fixtures/run-ppo.ts", import.meta.url));
    const options = { root, run: "killed", config: { ...config, ...ptx }, seed: 5, killAfter: 5 };
    const child = spawn(
      process.execPath,
      ["--conditions=@alignkit/source", "--import", "tsx", script, JSON.stringify(options)],
      { stdio: "inherit" },
    );
    const signal = await new Promise((resolve) => child.on("exit", (_, by) => resolve(by)));
    expect(signal).toBe("SIGKILL");
    expect(await readdir(join(root, "killed", "stages", "ppo", "checkpoints"))).toEqual(
      expect.arrayContaining(["step-4"]),
    );
    await runPpo({ root, run: "killed", config: { ...config, ...ptx }, seed: 5, resume: true });
    expect(Buffer.compare(await weightsOf("killed"), await weightsOf("whole"))).toBe(0);
    expect(withoutTime(await metricsOf("killed"))).toEqual(withoutTime(await metricsOf("whole")));
  });

  it("says what is missing before it begins", async () => {
    let attempts = 0;
    const attempt = (changes: object, withRewardModel = true) =>
      runPpo({
        root,
        run: `bad-${attempts++}`,
        config: { ...config, ...changes },
        seed: 1,
        withRewardModel,
      });
    await expect(attempt({}, false)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: there is nothing to learn from; give a rewardModel, or reward functions in code: ppo({ rewards: [...] })]`,
    );
    await expect(attempt({ prompt_files: null })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: no prompts are given; set prompt_files, or give the input prompts]`,
    );
    await expect(attempt({ num_mini_batches: 3 })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: batch_size 8 is not a multiple of num_mini_batches 3]`,
    );
    await expect(attempt({ response_length: 40 })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: response_length 40 leaves no room for a prompt in the policy's 32 positions]`,
    );
  });
});
