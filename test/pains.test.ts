/**
 * Pains of other programs that no single package can show to be designed out: whole runs. `docs/guide/pains.md` names the
 * tests of all of them.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { type Backend, createLogger, createRegistry, runPipeline, uploadAll } from "@alignkit/core";
import { createRewardScorer, hostTensors, readModelDirectory } from "@alignkit/models";
import { type NamedReward, ppo } from "@alignkit/ppo";
import { reward } from "@alignkit/reward";
import { sft } from "@alignkit/sft";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { metricsOf, rewardTrajectory, sftTrajectory } from "./trajectories.js";

const ppoModels = fileURLToPath(new URL("../packages/ppo/fixtures/training/ppo/", import.meta.url));

let folder: string;
let backend: Backend;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-pains-"));
  backend = await createOnnxBackend({ threads: 1 });
  await sftTrajectory.writeRows(join(folder, "rows.jsonl"));
  await rewardTrajectory.writeRows(join(folder, "rankings.jsonl"));
  const prompts = Array.from({ length: 8 }, (_, row) => `{"input_ids":[${3 + row},${9 + 2 * row}]}\n`);
  await writeFile(join(folder, "prompts.jsonl"), prompts.join(""));
});
afterAll(async () => {
  await backend.dispose();
  await rm(folder, { recursive: true });
});

/** A run of one stage; what it warned of. */
async function run(
  name: string,
  stage: { readonly use: string; readonly config: object; readonly inputs: Record<string, { path: string }> },
  rewards: readonly NamedReward[] = [],
): Promise<readonly string[]> {
  const warnings: string[] = [];
  await runPipeline(
    { stages: [stage] },
    {
      registry: createRegistry([sft(), reward(), ppo({ rewards })]),
      backend,
      runDirectory: join(folder, name),
      baseDirectory: folder,
      seed: 1,
      logger: createLogger((level, message) => {
        if (level === "warn") warnings.push(message);
      }),
    },
  );
  return warnings;
}

const ppoConfig = {
  prompt_files: "prompts.jsonl",
  batch_size: 8,
  num_mini_batches: 2,
  total_episodes: 24,
  per_device_train_batch_size: 4,
  response_length: 8,
  learning_rate: 1e-3,
  value_learning_rate: 1e-3,
  warmup_steps: 0,
  ema_decay: null,
};
const init = { path: join(ppoModels, "policy") };

/** Longer is better. */
const length: NamedReward = {
  name: "length",
  score: (_prompts, _responses, { responseIds }) => responseIds.map((ids) => ids.length),
};

describe("a score", () => {
  it("is read at the last token, known from lengths: neither neighbours nor padding change it, the end token does", async () => {
    const { config, parameters } = await readModelDirectory(join(ppoModels, "reward"));
    const uploaded = await uploadAll(backend, hostTensors(parameters));
    const [end] = config.eosTokenIds as [number];
    // The worst case: what pads is the end token.
    const scorer = createRewardScorer(backend, { ...config, padTokenId: end }, uploaded);
    const open = [5, 9, 7];
    const ended = [...open, end];
    const long = [4, 8, 6, 12, 11, 10, 9, 8, 7];
    const [alone] = await scorer.scores([ended]);
    const [besideLong, openBesideLong] = await scorer.scores([ended, open, long]);
    expect(Math.abs(alone! - besideLong!)).toBeLessThan(1e-5);
    expect(Math.abs(alone! - openBesideLong!)).toBeGreaterThan(1e-3);
    await scorer.dispose();
    for (const tensor of Object.values(uploaded)) tensor.dispose();
  });
});

describe("a model whose padding is its end", () => {
  it("is refused by every stage before any work", async () => {
    const model = join(folder, "padded");
    await cp(sftTrajectory.model, model, { recursive: true });
    const path = join(model, "config.json");
    const config = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...config, pad_token_id: config.eos_token_id }));
    for (const [use, data] of [
      ["sft", { train_files: "rows.jsonl" }],
      ["reward", { train_files: "rankings.jsonl" }],
      ["ppo", ppoConfig],
    ] as const) {
      const attempt = run(`padded-${use}`, { use, config: data, inputs: { init: { path: model } } }, [
        length,
      ]);
      await expect(attempt, use).rejects.toThrow("0 is both pad_token_id and an eos_token_id");
    }
  });
});

describe("a number that is not finite", () => {
  // A rate of 1e38 leaves weights in the first update at which float32 ends.
  it.each([
    ["sft", sftTrajectory, "rows.jsonl"],
    ["reward", rewardTrajectory, "rankings.jsonl"],
  ] as const)("in %s ends the run at its step, by name", async (use, trajectory, file) => {
    const config = {
      ...trajectory.config,
      ...{ learning_rate: 1e38, warmup_steps: 0, lr_scheduler_type: "constant" },
      train_files: file,
    };
    const attempt = run(`${use}-diverges`, { use, config, inputs: { init: { path: trajectory.model } } });
    await expect(attempt).rejects.toMatchObject({
      code: "NOT_FINITE",
      message: expect.stringMatching(/^step 2: the loss is not finite; lower the learning rate/),
    });
    expect(await metricsOf(join(folder, `${use}-diverges`))).toHaveLength(1);
  });

  it("in ppo names the loss, or what a model said of which episode", async () => {
    const config = { ...ppoConfig, num_mini_batches: 1, value_learning_rate: 1e38 };
    const attempt = run("ppo-diverges", { use: "ppo", config, inputs: { init } }, [length]);
    await expect(attempt).rejects.toMatchObject({
      code: "NOT_FINITE",
      message: expect.stringMatching(/^step 2: (values of episode 0|the value loss) is not finite/),
    });
  });
});

describe("what a policy games", () => {
  it("shows: length that is rewarded correlates with the score", async () => {
    await run("length", { use: "ppo", config: ppoConfig, inputs: { init } }, [length]);
    for (const metrics of await metricsOf(join(folder, "length"))) {
      // Where all responses are of one length there is nothing to correlate.
      expect([0, 1]).toContain(Math.round(metrics.reward_length_corr! * 1e9) / 1e9);
    }
  });

  it("ends at the budget of KL", async () => {
    const config = { ...ppoConfig, total_episodes: 80, learning_rate: 0.02, kl_coef: 0, max_kl: 0.01 };
    const warnings = await run("budget", { use: "ppo", config, inputs: { init } }, [length]);
    expect(warnings.at(-1)).toMatch(
      /nats per episode is over max_kl 0\.01; training ends at iteration \d+ of 10/,
    );
    const metrics = await metricsOf(join(folder, "budget"));
    expect(metrics.length).toBeLessThan(10);
    expect(metrics.at(-1)!["objective/kl"]).toBeGreaterThan(0.01);
  });
});

describe("the reference", () => {
  it("is what the policy starts from: no KL before the first update, whatever the temperature", async () => {
    const config = { ...ppoConfig, temperature: 0.6, total_episodes: 8 };
    await run("start", { use: "ppo", config, inputs: { init } }, [length]);
    const [metrics] = await metricsOf(join(folder, "start"));
    expect(Math.abs(metrics!["objective/kl"]!)).toBeLessThan(1e-4);
    expect(metrics!.rollout_probs_diff).toBeLessThan(1e-4);
  });

  it("is another model where one is named", async () => {
    const inputs = { init, reference: { path: join(ppoModels, "reference") } };
    await run("named", { use: "ppo", config: { ...ppoConfig, total_episodes: 8 }, inputs }, [length]);
    const [metrics] = await metricsOf(join(folder, "named"));
    expect(Math.abs(metrics!["objective/kl"]!)).toBeGreaterThan(1e-2);
  });
});
