/**
 * Trajectories through the command as a process of its own: losses in metrics.jsonl, weights in the artifact.
 *
 * PyTorch's trajectory of PPO has fixed rollouts, which the command cannot take: it samples its own. So its rollouts are
 * recorded here, and the functions that `training-ppo.test.ts` holds against PyTorch are driven over them on the
 * reference backend; metrics and weights of the command must be theirs.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Backend, createOptimizer, type Optimizer, referenceBackend, uploadAll } from "@alignkit/core";
import { hostTensors, readModelDirectory } from "@alignkit/models";
import {
  createEpisodeScorer,
  createLogProbEvaluator,
  createUpdater,
  createValueEvaluator,
  createWeightAverage,
  type Episode,
  makeExperience,
  type UpdateMetrics,
} from "@alignkit/ppo";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flagsOf, startCli } from "./cli-process.js";
import { metricsOf, rewardTrajectory, sftTrajectory } from "./trajectories.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "alignkit-cli-trajectories-"));
});
afterAll(() => rm(scratch, { recursive: true }));

async function succeed(argv: readonly string[]): Promise<void> {
  const { code, stderr } = await startCli(argv, scratch).ended;
  expect(code, stderr).toBe(0);
}

const backend = ["--backend", "onnx,threads=1"];

it("alignkit sft ends where PyTorch does", { timeout: 120_000 }, async () => {
  await sftTrajectory.writeRows(join(scratch, "rows.jsonl"));
  const flags = flagsOf({ ...sftTrajectory.config, train_files: "rows.jsonl", output_dir: "sft" });
  await succeed(["sft", "--init", sftTrajectory.model, ...flags, ...backend]);
  await sftTrajectory.expectRun(
    join(scratch, "sft"),
    join(scratch, "sft/artifacts/sft.policy"),
    "token_mean",
  );
});

it("alignkit reward ends where PyTorch does", { timeout: 120_000 }, async () => {
  await rewardTrajectory.writeRows(join(scratch, "rankings.jsonl"));
  const flags = flagsOf({ ...rewardTrajectory.config, train_files: "rankings.jsonl", output_dir: "reward" });
  await succeed(["reward", "--init", rewardTrajectory.model, ...flags, ...backend]);
  await rewardTrajectory.expectRun(
    join(scratch, "reward"),
    join(scratch, "reward/artifacts/reward.rewardModel"),
  );
});

const models = fileURLToPath(new URL("../packages/ppo/fixtures/training/ppo/", import.meta.url));
const plugin = fileURLToPath(new URL("./fixtures/recording-ppo.ts", import.meta.url));

/** PyTorch's prompts are 1 to 6 tokens; so are these, of the same vocabulary. */
const prompts = Array.from({ length: 8 }, (_, row) =>
  Array.from({ length: 1 + (row % 6) }, (_, t) => 3 + ((7 * row + 5 * t) % 30)),
);
const texts = Array.from({ length: 4 }, (_, row) =>
  Array.from({ length: 6 + row }, (_, t) => 3 + ((11 * row + 3 * t) % 30)),
);

/** One minibatch, so that the order of its rows, which is random, does not matter; three steps on it. */
const settings = {
  batch_size: 8,
  num_mini_batches: 1,
  num_ppo_epochs: 3,
  total_episodes: 8,
  per_device_train_batch_size: 3,
  response_length: 9,
  temperature: 0.9,
  learning_rate: 1e-3,
  value_learning_rate: 2e-3,
  warmup_steps: 0,
  kl_coef: 0.05,
  lam: 0.95,
  ptx_coef: 0.5,
  ptx_ratio: 0.5,
  missing_eos_penalty: 0.5,
  ema_decay: 0.9,
  shuffle: false,
};

describe("alignkit run of PPO-ptx", { timeout: 120_000 }, () => {
  let reference: Backend;
  beforeAll(() => {
    reference = referenceBackend();
  });
  afterAll(() => reference.dispose());

  const load = async (name: string) => {
    const { config, parameters } = await readModelDirectory(join(models, name));
    return { config, parameters: hostTensors(parameters) };
  };

  it("does with its rollouts what the functions held against PyTorch do", async () => {
    const lines = (rows: readonly (readonly number[])[]) =>
      rows.map((ids) => `${JSON.stringify({ input_ids: ids })}\n`).join("");
    await writeFile(join(scratch, "prompts.jsonl"), lines(prompts));
    await writeFile(join(scratch, "texts.jsonl"), lines(texts));
    const recorded = join(scratch, "rollouts.jsonl");
    const pipeline = {
      backend: "onnx,threads=1",
      seed: 3,
      output_dir: "ppo",
      plugins: [{ use: plugin, options: { file: recorded } }],
      stages: [
        {
          use: "recording-ppo",
          config: { ...settings, prompt_files: "prompts.jsonl", ptx_files: "texts.jsonl" },
          inputs: {
            init: { path: join(models, "policy") },
            reference: { path: join(models, "reference") },
            rewardModel: { path: join(models, "reward") },
          },
        },
      ],
    };
    // JSON is YAML.
    await writeFile(join(scratch, "pipeline.yaml"), JSON.stringify(pipeline));
    await succeed(["run", "pipeline.yaml"]);
    const [metrics = {}] = await metricsOf(join(scratch, "ppo"));

    // The same from the recorded tokens, in the order of the file.
    const [policyModel, referenceModel, rewardModel] = [
      await load("policy"),
      await load("reference"),
      await load("reward"),
    ];
    const rollouts: { prompt: number[]; response: number[] }[] = JSON.parse(await readFile(recorded, "utf8"));
    expect(rollouts.map(({ prompt }) => prompt)).toEqual(prompts);
    const [stop] = policyModel.config.eosTokenIds;
    const episodes: readonly Episode[] = rollouts.map(({ prompt, response }) => ({
      promptIds: Int32Array.from(prompt),
      responseIds: Int32Array.from(response),
      finished: response.at(-1) === stop,
    }));
    const options = { padTokenId: 0, rowsPerForward: 8 };
    const logProbs = createLogProbEvaluator(reference, policyModel.config, settings.temperature, options);
    const frozen = {
      policy: await uploadAll(reference, policyModel.parameters),
      reference: await uploadAll(reference, referenceModel.parameters),
      reward: await uploadAll(reference, rewardModel.parameters),
    };
    const scores = await createEpisodeScorer(reference, rewardModel.config, options)(frozen.reward, episodes);
    const judgements = {
      logProbs: await logProbs(frozen.policy, episodes),
      referenceLogProbs: await logProbs(frozen.reference, episodes),
      values: await createValueEvaluator(reference, rewardModel.config, options)(frozen.reward, episodes),
      scores,
    };
    const experience = makeExperience(episodes, judgements, {
      klCoefficient: settings.kl_coef,
      klEstimator: "k1",
      scoreClip: undefined,
      missingEosPenalty: settings.missing_eos_penalty,
      whitenRewards: false,
      gamma: 1,
      lambda: settings.lam,
      whitenAdvantages: true,
      unbiasedVariance: true,
    });
    const adam = {
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0,
      decays: () => false,
      epsilonForm: "pytorch",
      maxGradNorm: 1,
    } as const;
    const policy: Optimizer = await createOptimizer(reference, adam, policyModel.parameters);
    const value: Optimizer = await createOptimizer(reference, adam, rewardModel.parameters);
    const updater = createUpdater(
      reference,
      {
        policyConfig: policyModel.config,
        valueConfig: rewardModel.config,
        padTokenId: 0,
        temperature: settings.temperature,
        clipRange: 0.2,
        clipRangeValue: 0.2,
        entropyCoefficient: 0,
        ptxCoefficient: settings.ptx_coef,
        ptxReduction: "token_mean",
        rowsPerForward: 8,
      },
      policy,
      value,
    );
    const average = createWeightAverage(reference, settings.ema_decay, frozen.policy);
    const updates: UpdateMetrics[] = [];
    for (let epoch = 0; epoch < settings.num_ppo_epochs; epoch++) {
      const rows = texts.map((ids) => Int32Array.from(ids));
      updates.push(
        await updater.update(experience.episodes, rows, {
          policy: settings.learning_rate,
          value: settings.value_learning_rate,
        }),
      );
      await average.update(policy.parameters);
    }

    const close = (name: string, wanted: number, tolerance: number) =>
      expect(Math.abs(metrics[name]! - wanted), `${name}: ${metrics[name]}, not ${wanted}`).toBeLessThan(
        tolerance * (1 + Math.abs(wanted)),
      );
    for (const name of ["objective/score", "objective/score_total", "objective/kl", "objective/frac_no_eos"])
      close(name, experience.metrics[name]!, 1e-4);
    close("ppo/val/var_explained", experience.metrics["ppo/val/var_explained"]!, 1e-3);
    const meanOf = (key: keyof UpdateMetrics) =>
      updates.reduce((total, update) => total + (update[key] as number), 0) / updates.length;
    close("ppo/loss/policy", meanOf("policyLoss"), 2e-4);
    close("ppo/loss/value", meanOf("valueLoss"), 2e-4);
    close("ppo/policy/entropy", meanOf("entropy"), 2e-4);
    close("ppo/policy/approxkl", meanOf("approxKl"), 2e-4);
    close("ppo/policy/clipfrac", meanOf("clipFraction"), 2e-4);
    close("ppo/policy/grad_norm", meanOf("policyGradNorm"), 1e-3);
    close("ppo/val/grad_norm", meanOf("valueGradNorm"), 1e-3);
    close("ptx/loss", meanOf("ptxLoss"), 2e-4);
    close("ptx/grad_norm_ratio", meanOf("ptxGradNormRatio"), 1e-3);

    const { undetermined } = JSON.parse(await readFile(join(models, "expected.json"), "utf8"));
    const saved = await readModelDirectory(join(scratch, "ppo/artifacts/recording-ppo.policy"));
    let moved = 0;
    for (const [name, { data }] of saved.parameters) {
      const [start, end] = undetermined[name] ?? [0, 0];
      const wanted = (await average.parameters[name]!.read()).data;
      const before = policyModel.parameters[name]!.data;
      for (const [index, weight] of data.entries()) {
        if (index >= start && index < end) continue;
        moved = Math.max(moved, Math.abs(weight - (before[index] as number)));
        expect(Math.abs(weight - (wanted[index] as number)), `${name}[${index}]`).toBeLessThan(1e-4);
      }
    }
    // Three steps of Adam at 1e-3 move a weight by up to 3e-3; the average keeps 0.1 + 0.19 + 0.271 thousandths of them.
    expect(moved).toBeGreaterThan(3e-4);
    await Promise.all([updater.dispose(), policy.dispose(), value.dispose(), average.dispose()]);
  });
});
