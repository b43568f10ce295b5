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
import { sft } from "@alignkit/sft";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const fixtures = fileURLToPath(new URL("../packages/sft/fixtures/training/", import.meta.url));

interface Trajectory {
  readonly steps: readonly {
    readonly loss: number;
    readonly grad_norm: number;
    readonly lr: number;
    readonly label_tokens: readonly number[];
  }[];
  readonly final: string;
}
type Reduction = "token_mean" | "micro_mean";
type Expected = Readonly<Record<Reduction, Trajectory>> & {
  readonly undetermined: Readonly<Record<string, readonly [start: number, end: number]>>;
};
interface MicroBatch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[][];
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8"));

/** The settings of the trajectory; 12 updates of 2 micro-batches of 3 rows. */
const config = {
  per_device_train_batch_size: 3,
  gradient_accumulation_steps: 2,
  max_steps: 12,
  learning_rate: 0.003,
  lr_scheduler_type: "cosine",
  warmup_steps: 3,
  weight_decay: 0.1,
  max_grad_norm: 1,
  adam_beta1: 0.9,
  adam_beta2: 0.95,
  adam_epsilon: 1e-8,
  shuffle: false,
};

const backends = [
  { name: "reference", create: async () => referenceBackend() },
  { name: "onnx", create: () => createOnnxBackend() },
];

describe.each(backends)("sft trajectory on $name", ({ create }) => {
  let scratch: string;
  let expected: Expected;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "alignkit-sft-"));
    expected = await readJson(join(fixtures, "expected.json"));
    const { micro_batches } = await readJson<{ micro_batches: MicroBatch[] }>(join(fixtures, "batches.json"));
    // Rows without their padding: the stage pads again, to lengths of its own.
    const rows = micro_batches.flatMap((batch) =>
      batch.input_ids.map((ids, row) => {
        const real = (_: number, position: number) => batch.attention_mask[row]![position] === 1;
        return { input_ids: ids.filter(real), labels: batch.labels[row]!.filter(real) };
      }),
    );
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(join(scratch, "rows.jsonl"), lines.join(""));
    // Updates of 6, 6, 6 and 2 rows an epoch: the second one begins at step 5.
    await writeFile(join(scratch, "few.jsonl"), lines.slice(0, 20).join(""));
  });
  afterAll(() => rm(scratch, { recursive: true }));

  it.each(["token_mean", "micro_mean"] as const)(
    "%s equals PyTorch's",
    async (reduction) => {
      const backend = await create();
      const runDirectory = join(scratch, reduction);
      const { artifacts } = await runPipeline(
        {
          stages: [
            {
              use: "sft",
              config: { ...config, loss_reduction: reduction, train_files: join(scratch, "rows.jsonl") },
              inputs: { init: { path: join(fixtures, "model") } },
            },
          ],
        },
        { registry: createRegistry([sft()]), backend, runDirectory, seed: 0 },
      );
      await backend.dispose();

      const { steps, final } = expected[reduction];
      const lines = (await readFile(join(runDirectory, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
      expect(lines.length).toBe(steps.length);
      for (const [index, step] of steps.entries()) {
        const metrics = JSON.parse(lines[index]!);
        expect(metrics).toMatchObject({ stage: "sft", step: index + 1 });
        expect(metrics.learning_rate).toBeCloseTo(step.lr, 12);
        // Rounding grows along a trajectory; the first step has none yet.
        const tolerance = index === 0 ? 1e-5 : 2e-4;
        expect(Math.abs(metrics.loss - step.loss)).toBeLessThan(tolerance * (1 + Math.abs(step.loss)));
        expect(Math.abs(metrics.grad_norm - step.grad_norm)).toBeLessThan(1e-3 * step.grad_norm);
      }

      const trained = await readModelDirectory(artifacts["sft.policy"]!);
      const { tensors } = await readSafetensors(join(fixtures, final));
      expect([...trained.parameters.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [name, { data }] of trained.parameters) {
        const [start, end] = expected.undetermined[name] ?? [0, 0];
        const wanted = tensors.get(name)!.data;
        let largest = 0;
        data.forEach((value, index) => {
          if (index >= start && index < end) return;
          largest = Math.max(largest, Math.abs(value - (wanted[index] as number)));
        });
        expect(largest, name).toBeLessThan(5e-4);
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
        use: "sft",
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
            registry: createRegistry([sft()]),
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
      const weights = await readFile(join(scratch, name, "artifacts", "sft.policy", "model.safetensors"));
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
