/** A trajectory of PyTorch, step for step, through the stage as a pipeline runs it. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  createRegistry,
  InterruptedError,
  type MetricsSink,
  referenceBackend,
  runPipeline,
} from "@alignkit/core";
import { readModelDirectory, readSafetensors } from "@alignkit/models";
import { reward } from "@alignkit/reward";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const fixtures = fileURLToPath(new URL("../packages/reward/fixtures/training/", import.meta.url));

interface Expected {
  readonly steps: readonly {
    readonly lr: number;
    readonly loss: number;
    readonly grad_norm: number;
    readonly accuracy: number;
    readonly margin: number;
    readonly mean_reward: number;
    readonly scores: readonly number[];
  }[];
}
interface Batch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly margin: number[];
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8"));

/** The settings of the trajectory: 8 updates of 4 pairs. */
const config = {
  per_device_train_batch_size: 4,
  max_steps: 8,
  learning_rate: 0.002,
  lr_scheduler_type: "cosine",
  warmup_steps: 2,
  weight_decay: 0,
  max_grad_norm: 1,
  adam_beta1: 0.9,
  adam_beta2: 0.95,
  adam_epsilon: 1e-8,
  center_rewards_coefficient: 0.01,
  shuffle: false,
};

const backends = [
  { name: "reference", create: async () => referenceBackend() },
  { name: "onnx", create: () => createOnnxBackend() },
];

describe.each(backends)("reward trajectory on $name", ({ create }) => {
  let scratch: string;
  let expected: Expected;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "alignkit-reward-"));
    expected = await readJson(join(fixtures, "expected.json"));
    const { batches } = await readJson<{ batches: Batch[] }>(join(fixtures, "batches.json"));
    // Rows without their padding: the stage pads again, to lengths of its own.
    const rows = batches.flatMap(({ input_ids, attention_mask, margin }) =>
      margin.map((value, pair) => {
        const real = (row: number) =>
          input_ids[row]!.filter((_, position) => attention_mask[row]![position] === 1);
        return { input_ids: [real(pair), real(pair + margin.length)], ranks: [1, 2], margin: value };
      }),
    );
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(join(scratch, "rankings.jsonl"), lines.join(""));
    // Updates of 4, 4 and 2 prompts an epoch: the second one begins at step 4.
    await writeFile(join(scratch, "few.jsonl"), lines.slice(0, 10).join(""));
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
              config: { ...config, ...sizes, train_files: join(scratch, "rankings.jsonl") },
              inputs: { init: { path: join(fixtures, "model") } },
            },
          ],
        },
        { registry: createRegistry([reward()]), backend, runDirectory, seed: 0 },
      );
      await backend.dispose();

      const lines = (await readFile(join(runDirectory, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
      expect(lines.length).toBe(expected.steps.length);
      for (const [index, step] of expected.steps.entries()) {
        const metrics = JSON.parse(lines[index]!);
        expect(metrics).toMatchObject({ stage: "reward", step: index + 1, accuracy: step.accuracy });
        expect(metrics.learning_rate).toBeCloseTo(step.lr, 12);
        // Rounding grows along a trajectory; the first step has none yet.
        const tolerance = index === 0 ? 1e-5 : 2e-4;
        for (const name of ["loss", "margin", "mean_reward"] as const) {
          const difference = Math.abs(metrics[name] - step[name]);
          expect(difference, name).toBeLessThan(tolerance * (1 + Math.abs(step[name])));
        }
        expect(Math.abs(metrics.grad_norm - step.grad_norm)).toBeLessThan(1e-3 * step.grad_norm);
        expect(Math.abs(metrics.min_reward - Math.min(...step.scores))).toBeLessThan(1e-3);
        expect(Math.abs(metrics.max_reward - Math.max(...step.scores))).toBeLessThan(1e-3);
      }

      const trained = await readModelDirectory(artifacts["reward.rewardModel"]!);
      const { tensors } = await readSafetensors(join(fixtures, "final.safetensors"));
      expect(trained.head).toBe("scalar");
      expect([...trained.parameters.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [name, { data }] of trained.parameters) {
        const wanted = tensors.get(name)!.data;
        const differences = Array.from(data, (value, index) => Math.abs(value - (wanted[index] as number)));
        expect(Math.max(...differences), name).toBeLessThan(5e-4);
      }
    },
    120_000,
  );

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
          ...config,
          train_files: join(scratch, "few.jsonl"),
          max_steps: 6,
          shuffle: true,
          save_steps: 3,
        },
        inputs: { init: { path: join(fixtures, "model") } },
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
      // Wall time is the one thing that may differ.
      const metrics = lines.map((line) => ({ ...JSON.parse(line), tokens_per_second: 0 }));
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
