/** A trajectory of PyTorch, step for step, through the stage as a pipeline runs it. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  createRegistry,
  InterruptedError,
  type MetricsSink,
  referenceBackend,
  runPipeline,
} from "@alignkit/core";
import { sft } from "@alignkit/sft";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sftTrajectory } from "./trajectories.js";

const backends = [
  { name: "reference", create: async () => referenceBackend() },
  { name: "onnx", create: () => createOnnxBackend() },
];

describe.each(backends)("sft trajectory on $name", ({ create }) => {
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "alignkit-sft-"));
    await sftTrajectory.writeRows(join(scratch, "rows.jsonl"));
    // With 7 mixed in, updates of 6, 6, 6, 6 and 3 rows an epoch: the second one begins at step 6.
    await sftTrajectory.writeRows(join(scratch, "few.jsonl"), 20);
  });
  afterAll(() => rm(scratch, { recursive: true }));

  it.each([
    { reduction: "token_mean", packing: false },
    { reduction: "token_mean", packing: true },
    { reduction: "micro_mean", packing: false },
  ] as const)(
    "$reduction equals PyTorch's, packing: $packing",
    async ({ reduction, packing }) => {
      const backend = await create();
      const runDirectory = join(scratch, `${reduction}-${packing}`);
      const { artifacts } = await runPipeline(
        {
          stages: [
            {
              use: "sft",
              config: {
                ...sftTrajectory.config,
                loss_reduction: reduction,
                packing,
                train_files: join(scratch, "rows.jsonl"),
              },
              inputs: { init: { path: sftTrajectory.model } },
            },
          ],
        },
        { registry: createRegistry([sft()]), backend, runDirectory, seed: 0 },
      );
      await backend.dispose();

      await sftTrajectory.expectRun(runDirectory, artifacts["sft.policy"]!, reduction);
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
          ...sftTrajectory.config,
          train_files: join(scratch, "few.jsonl"),
          max_steps: 6,
          shuffle: true,
          save_steps: 3,
          // Whatever a checkpoint must keep, or a resumed run make again. The best is the worst, so that it is an early one.
          residual_dropout: 0.2,
          packing: true,
          pretrain_files: join(scratch, "few.jsonl"),
          pretrain_mix: 0.25,
          eval_files: join(scratch, "few.jsonl"),
          eval_steps: 2,
          load_best_model_at_end: true,
          greater_is_better: true,
        },
        inputs: { init: { path: sftTrajectory.model } },
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
