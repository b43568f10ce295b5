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
import { type RewardTokens, trlMetricNames } from "@alignkit/ppo";
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
const ptx = {
  ptx_files: "texts.jsonl",
  ptx_coef: 0.5,
  ptx_ratio: 1,
  kl_control: "adaptive",
  kl_target: 0.1,
  kl_horizon: 40,
};

const metricsOf = async (run: string): Promise<MetricsRecord[]> =>
  (await readFile(join(root, run, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
/** What must be equal between runs: everything but wall time and memory. */
const withoutTime = (records: readonly MetricsRecord[]) =>
  records.map((record) =>
    Object.entries(record).filter(([name]) => !/^elapsed\/|per_second|^memory\//.test(name)),
  );
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
    for (const record of records) expect(record.rollout_probs_diff_max).toBeLessThan(1e-5);
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
        score: (_prompts: readonly string[], _responses: readonly string[], { responseIds }: RewardTokens) =>
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
  });

  it("logs the metrics of Ziegler et al. under their names, TRL's all, and what the guide names", async () => {
    const [record] = await metricsOf("whole");
    const guide = await readFile(new URL("../docs/guide/metrics.md", import.meta.url), "utf8");
    const section = guide.slice(guide.indexOf("## ppo"), guide.indexOf("## What to look at"));
    const documented = [...section.matchAll(/^\| (`[^|]+`) \|/gm)]
      .flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
      .filter((name) => !name.startsWith("reward/"));
    const logged = Object.keys(record!).filter((name) => name !== "stage" && name !== "step");
    expect(logged.sort()).toEqual(documented.sort());
    expect(logged).toEqual(expect.arrayContaining(Object.keys(trlMetricNames)));
    expect(logged).toEqual(
      expect.arrayContaining([
        ...["kl", "kl_coef", "entropy", "score", "score_total"].map((name) => `objective/${name}`),
        ...["policy", "value", "total"].map((name) => `ppo/loss/${name}`),
        ...["entropy", "approxkl", "clipfrac"].map((name) => `ppo/policy/${name}`),
        ...["mean", "var"].map((name) => `ppo/returns/${name}`),
        ...["vpred", "error", "clipfrac", "mean", "var", "var_explained"].map((name) => `ppo/val/${name}`),
      ]),
    );
    for (const [name, value] of Object.entries(record!))
      if (name !== "stage") expect(Number.isFinite(value), name).toBe(true);
  });

  it("keeps all that it needs to go on in a checkpoint", async () => {
    const folder = join(root, "whole", "stages", "ppo", "checkpoints", "step-4");
    const { tensors } = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
    const ofPolicy = Object.keys(tensors.policy);
    const ofValue = Object.keys(tensors.value);
    expect(ofValue).not.toEqual(ofPolicy);
    const names = Object.entries(tensors).map(([group, entries]) => [group, Object.keys(entries as object)]);
    expect(Object.fromEntries(names)).toEqual({
      ...{ policy: ofPolicy, "policy-m": ofPolicy, "policy-v": ofPolicy },
      ...{ value: ofValue, "value-m": ofValue, "value-v": ofValue },
      average: ofPolicy,
    });
    const state = JSON.parse(await readFile(join(folder, "state.json"), "utf8"));
    const coefficients = (await metricsOf("whole")).map(
      (record) => (record as unknown as Record<string, number>)["objective/kl_coef"],
    );
    expect(coefficients[0]).toBe(0.02);
    expect(new Set(coefficients).size).toBe(6);
    expect(state).toMatchObject({
      // 4 iterations of 2 minibatches.
      ppo: {
        iteration: 4,
        klCoefficient: coefficients[4],
        prompts: expect.anything(),
        texts: expect.anything(),
      },
      policySteps: 8,
      valueSteps: 8,
    });
  });

  it("begins with a KL of 0 and a ratio of 1, with cut distributions, too", async () => {
    const once = { num_mini_batches: 1, total_episodes: 16, ema_decay: null, temperature: 1.3 };
    for (const [run, cut] of Object.entries({ plain: {}, "top-k": { top_k: 6 }, "top-p": { top_p: 0.7 } })) {
      await runPpo({ root, run, config: { ...config, ...once, ...cut }, seed: 3 });
      const records = (await metricsOf(run)) as unknown as Record<string, number>[];
      expect(Math.abs(records[0]!["objective/kl"]!)).toBeLessThan(1e-4);
      expect(records[0]!["objective/kl_k3"]).toBeLessThan(1e-8);
      expect(records[1]!["objective/kl_k3"]).toBeGreaterThan(1e-5);
      for (const record of records) {
        expect(record.rollout_probs_diff_max).toBeLessThan(1e-5);
        expect(record["ppo/policy/ratio"]).toBeCloseTo(1, 5);
        expect(record["ppo/policy/approxkl"]).toBeLessThan(1e-9);
        expect(record["ppo/policy/clipfrac"]).toBe(0);
      }
    }
  });

  it("averages weights after each step or each iteration", async () => {
    const weights = new Map<string, Buffer>();
    for (const ema_update of ["step", "iteration"]) {
      for (const num_mini_batches of [1, 2]) {
        const run = `average-${ema_update}-${num_mini_batches}`;
        const changes = { total_episodes: 16, num_mini_batches, ema_update };
        await runPpo({ root, run, config: { ...config, ...changes }, seed: 3 });
        weights.set(run, await weightsOf(run));
      }
    }
    const same = (minibatches: number) =>
      weights.get(`average-step-${minibatches}`)!.equals(weights.get(`average-iteration-${minibatches}`)!);
    // One step an iteration: there is no difference.
    expect(same(1)).toBe(true);
    expect(same(2)).toBe(false);
  });

  it("takes reward functions from files, with the reward model, and weighs them", async () => {
    await writeFile(
      join(root, "sevens.mjs"),
      "export default async (prompts, responses, { responseIds }) => responseIds.map((ids) => ids.filter((id) => id === 7).length);\n",
    );
    const changes = {
      total_episodes: 8,
      reward_functions: [{ module: "./sevens.mjs", weight: -2 }],
      reward_model_weight: 0.5,
    };
    await runPpo({ root, run: "from-file", config: { ...config, ...changes }, seed: 3 });
    const [record] = (await metricsOf("from-file")) as unknown as Record<string, number>[];
    expect(record!["reward/sevens"]).toBeGreaterThan(0);
    expect(record!["objective/score"]).toBeCloseTo(
      0.5 * record!["reward/model"]! - 2 * record!["reward/sevens"]!,
      5,
    );
  });

  it("only logs a reward of weight 0", async () => {
    const changes = { total_episodes: 16, reward_functions: [{ module: "./sevens.mjs", weight: 0 }] };
    await runPpo({ root, run: "gold", config: { ...config, ...changes }, seed: 3 });
    await runPpo({ root, run: "no-gold", config: { ...config, total_episodes: 16 }, seed: 3 });
    expect((await weightsOf("gold")).equals(await weightsOf("no-gold"))).toBe(true);
    expect((await metricsOf("gold"))[0]).toHaveProperty(["reward/sevens"]);
  });

  it("ends when the KL passes its budget, with an artifact", async () => {
    await runPpo({ root, run: "budget", config: { ...config, max_kl: 0.01 }, seed: 3 });
    const kl = (await metricsOf("budget")).map(
      (record) => (record as unknown as Record<string, number>)["objective/kl"]!,
    );
    expect(kl.length).toBeLessThan(6);
    expect(kl.at(-1)).toBeGreaterThan(0.01);
    for (const one of kl.slice(0, -1)) expect(one).toBeLessThanOrEqual(0.01);
    expect((await weightsOf("budget")).length).toBeGreaterThan(0);
  });

  it("cuts texts at a token for the score, and learns all that was sampled", async () => {
    let seen: readonly Int32Array[] = [];
    const rewards = [
      {
        name: "length",
        score: (_: readonly string[], responses: readonly string[], { responseIds }: RewardTokens) => {
          seen = responseIds;
          return responses.map((response) => response.split(" ").length);
        },
      },
    ];
    const changes = { total_episodes: 8, truncate_token_id: 7, truncate_after: 1, missing_eos_score: -1 };
    await runPpo({
      root,
      run: "cut",
      config: { ...config, ...changes, response_length: 16 },
      seed: 3,
      rewards,
      withRewardModel: false,
    });
    const [record] = (await metricsOf("cut")) as unknown as Record<string, number>[];
    const finished = seen.filter((ids) => ids.length > 1 && ids.at(-1) === 7).length;
    expect(finished).toBeGreaterThan(0);
    expect(record!["objective/num_eos"]).toBe(finished);
    expect(record!["reward/length"]).toBeLessThan(16);
    expect(record!["response_length/mean"]).toBe(16);
  });

  it("puts the score on the padding after the response, as N+ does", async () => {
    const records = async (score_placement: string) => {
      const run = `placement-${score_placement}`;
      await runPpo({
        root,
        run,
        config: { ...config, score_placement, total_episodes: 16, response_length: 16 },
        seed: 3,
      });
      return (await metricsOf(run)) as unknown as Record<string, number>[];
    };
    const [eos, nplus] = [await records("eos"), await records("nplus")];
    expect(eos[0]!["objective/frac_no_eos"]).toBeLessThan(1);
    // The same episodes; their values have more steps.
    expect(nplus[0]!["objective/score"]).toBe(eos[0]!["objective/score"]);
    expect(nplus[0]!["objective/kl"]).toBe(eos[0]!["objective/kl"]);
    expect(nplus[0]!["ppo/val/mean"]).not.toBe(eos[0]!["ppo/val/mean"]);
    expect(nplus[1]!["ppo/loss/value"]).toBeGreaterThan(0);
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
      `[ConfigError: ppo: there is nothing to learn from; give a rewardModel, reward_functions, or in code ppo({ rewards: [...] })]`,
    );
    await expect(attempt({ prompt_files: null })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: no prompts are given; set prompt_files, or give the input prompts]`,
    );
    await expect(attempt({ num_mini_batches: 3 })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: batch_size 8 is not a multiple of num_mini_batches 3]`,
    );
    await expect(
      attempt({ missing_eos_score: -1, missing_eos_penalty: 1, truncate_after: 3 }),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: missing_eos_score replaces the score that missing_eos_penalty is taken off; give one; truncate_after 3 needs a truncate_token_id]`,
    );
    await expect(attempt({ reward_functions: "./none.mjs" })).rejects.toThrow(
      'reward function "./none.mjs": cannot be imported; check the path and the file',
    );
    await expect(attempt({ response_length: 40 })).rejects.toThrowErrorMatchingInlineSnapshot(
      `[ConfigError: ppo: response_length 40 leaves no room for a prompt in the policy's 32 positions]`,
    );
  });
});
