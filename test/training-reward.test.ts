/** A trajectory of PyTorch, step for step, through the stage as a pipeline runs it. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  createRegistry,
  disposeAll,
  InterruptedError,
  type MetricsSink,
  referenceBackend,
  runPipeline,
  uploadAll,
} from "@alignkit/core";
import { createRewardScorer, hostTensors, readModelDirectory } from "@alignkit/models";
import { reward, rewardConfig, trainRewardModel } from "@alignkit/reward";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordingContext, rewardTrajectory } from "./trajectories.js";

const backends = [
  { name: "reference", create: async () => referenceBackend() },
  { name: "onnx", create: () => createOnnxBackend() },
];

describe.each(backends)("reward trajectory on $name", ({ create }) => {
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "alignkit-reward-"));
    await rewardTrajectory.writeRows(join(scratch, "rankings.jsonl"));
    // Updates of 4, 4 and 2 prompts an epoch: the second one begins at step 4.
    await rewardTrajectory.writeRows(join(scratch, "few.jsonl"), 10);
  });
  afterAll(() => rm(scratch, { recursive: true }));

  // Accumulation divides an update's prompts without changing it.
  it.each([
    { per_device_train_batch_size: 4, gradient_accumulation_steps: 1 },
    { per_device_train_batch_size: 1, gradient_accumulation_steps: 4 },
  ])(
    "equals PyTorch's with $per_device_train_batch_size x $gradient_accumulation_steps prompts",
    async (sizes) => {
      const backend = await create();
      const runDirectory = join(scratch, `run-${sizes.gradient_accumulation_steps}`);
      const { artifacts } = await runPipeline(
        {
          stages: [
            {
              use: "reward",
              config: { ...rewardTrajectory.config, ...sizes, train_files: join(scratch, "rankings.jsonl") },
              inputs: { init: { path: rewardTrajectory.model } },
            },
          ],
        },
        { registry: createRegistry([reward()]), backend, runDirectory, seed: 0 },
      );
      await backend.dispose();

      await rewardTrajectory.expectRun(runDirectory, artifacts["reward.rewardModel"]!);
    },
    120_000,
  );

  it("scores every row before each update as PyTorch does", { timeout: 120_000 }, async () => {
    const backend = await create();
    const { config, parameters } = await readModelDirectory(rewardTrajectory.model);
    const batches = await rewardTrajectory.batches();
    const examples = batches.flatMap(({ rows, margin }) =>
      margin.map((value, pair) => ({
        rows: [rows[pair]!, rows[pair + margin.length]!].map((ids) => Int32Array.from(ids)),
        pairs: [{ better: 0, worse: 1 }],
        margin: value,
      })),
    );
    const { context, weights } = recordingContext(backend);
    await trainRewardModel({
      context,
      config: rewardConfig.parse({ ...rewardTrajectory.config, train_files: "none", save_steps: 1 }),
      model: { config, initialize: () => parameters },
      examples,
    });

    const { steps, ...rest } = await rewardTrajectory.expected();
    expect(rest).toMatchObject({
      center: 0.01,
      margins: true,
      optimizer: { name: "AdamW", betas: [0.9, 0.95], eps: 1e-8, weight_decay: 0 },
      schedule: { name: "cosine with linear warm-up", steps: 8, warmup: 2, peak_lr: 0.002 },
      max_grad_norm: 1,
    });
    const before = [hostTensors(parameters), ...weights];
    for (const [step, { scores: wanted }] of steps.entries()) {
      const uploaded = await uploadAll(backend, before[step]!);
      const scorer = createRewardScorer(backend, config, uploaded);
      const scores = await scorer.scores(batches[step]!.rows);
      expect(scores.length).toBe(wanted.length);
      for (const [row, score] of wanted.entries())
        expect(Math.abs(scores[row]! - score), `row ${row} of step ${step}`).toBeLessThan(
          (step === 0 ? 1e-5 : 2e-4) * (1 + Math.abs(score)),
        );
      await scorer.dispose();
      disposeAll(uploaded);
    }
    await backend.dispose();
  });

  it("goes on after Ctrl-C and after a crash as if nothing had happened, byte for byte", async () => {
    const start = async (
      name: string,
      onStep: (step: number) => void,
      resume: boolean,
      signal?: AbortSignal,
    ) => {
      const backend = await create();
      const runDirectory = join(scratch, name);
      const stage = {
        use: "reward",
        config: {
          ...rewardTrajectory.config,
          train_files: join(scratch, "few.jsonl"),
          max_steps: 6,
          shuffle: true,
          save_steps: 3,
        },
        inputs: { init: { path: rewardTrajectory.model } },
      };
      const sink: MetricsSink = { write: ({ step }) => onStep(step), close() {} };
      try {
        await runPipeline(
          { stages: [stage] },
          {
            registry: createRegistry([reward()]),
            backend,
            runDirectory,
            seed: 7,
            sinks: [sink],
            resume,
            signal,
          },
        );
      } finally {
        await backend.dispose();
      }
    };
    const results = async (name: string) => {
      const lines = (await readFile(join(scratch, name, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
      const weights = await readFile(
        join(scratch, name, "artifacts", "reward.rewardModel", "model.safetensors"),
      );
      // Wall time and memory are all that may differ.
      const ofTheMachine = { tokens_per_second: 0, "memory/peak_resident_bytes": 0 };
      const metrics = lines.map((line) => ({ ...JSON.parse(line), ...ofTheMachine }));
      return { weights: createHash("sha256").update(weights).digest("hex"), metrics };
    };
    await start("whole", () => {}, false);
    const whole = await results("whole");

    // Ctrl-C during step 5: saved there.
    const controller = new AbortController();
    const abort = (step: number) => {
      if (step === 5) controller.abort();
    };
    await expect(start("stopped", abort, false, controller.signal)).rejects.toThrow(InterruptedError);
    const steps: number[] = [];
    await start("stopped", (step) => steps.push(step), true);
    expect(steps[0]).toBe(6);
    expect(await results("stopped")).toEqual(whole);

    // A crash in step 5: the checkpoint of step 3 is the last one.
    const crash = (step: number) => {
      if (step === 5) throw new Error("power cut");
    };
    await expect(start("crashed", crash, false)).rejects.toThrow("power cut");
    steps.length = 0;
    await start("crashed", (step) => steps.push(step), true);
    expect(steps[0]).toBe(4);
    expect(await results("crashed")).toEqual(whole);
  }, 120_000);
});
