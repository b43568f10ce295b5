/** A trajectory of PyTorch, step for step, through the stage as a pipeline runs it. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  compileFunction,
  createRegistry,
  InterruptedError,
  int32,
  logSoftmax,
  type MetricsSink,
  mul,
  referenceBackend,
  reshape,
  runPipeline,
  slice,
  softmax,
  sum,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import { hiddenStates, hostTensors, logits, readModelDirectory } from "@alignkit/models";
import { meanOverTokens } from "@alignkit/ppo";
import {
  completionLoss,
  labelledLogProbs,
  sft,
  sftConfig,
  tokenAccuracy,
  trainLanguageModel,
} from "@alignkit/sft";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordingContext, sftTrajectory } from "./trajectories.js";

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

  it.each(["token_mean", "micro_mean"] as const)(
    "sees in each micro-batch what PyTorch and TRL see, %s",
    { timeout: 120_000 },
    async (reduction) => {
      const backend = await create();
      const { config, parameters } = await readModelDirectory(sftTrajectory.model);
      const microBatches = await sftTrajectory.microBatches();
      const examples = microBatches.flat().map(({ input_ids, labels }) => ({
        inputIds: Int32Array.from(input_ids),
        labels: Int32Array.from(labels),
      }));
      const { context, weights } = recordingContext(backend);
      await trainLanguageModel({
        context,
        config: sftConfig.parse({
          ...sftTrajectory.config,
          train_files: "none",
          save_steps: 1,
          loss_reduction: reduction,
        }),
        model: { config, initialize: () => parameters },
        examples,
      });

      const [rows, width] = [3, 16];
      const measure = compileFunction(
        backend,
        (given: Record<"inputIds" | "positionIds" | "labels", Tensor> & { weights: TensorRecord }) => {
          const hidden = hiddenStates(config, given.weights, given);
          const all = logits(config, given.weights, hidden);
          const labelled = {
            logits: reshape(all, [rows, width, config.vocabularySize]),
            labels: given.labels,
          };
          const { tokenLogProbs, mask } = labelledLogProbs(labelled);
          const labels = sum(mask);
          const entropies = mul(sum(mul(softmax(all), logSoftmax(all)), -1), -1);
          return {
            labels,
            loss: completionLoss({ tokenLogProbs, mask, labelTokens: labels }),
            accuracy: tokenAccuracy(labelled),
            entropy: meanOverTokens(slice(reshape(entropies, [rows, width]), 1, 0, width - 1), mask),
          };
        },
      );
      const expected = await sftTrajectory.expected();
      expect(expected).toMatchObject({
        optimizer: { name: "AdamW", betas: [0.9, 0.95], eps: 1e-8, weight_decay: 0.1 },
        schedule: { name: "cosine with linear warm-up", steps: 12, warmup: 3, peak_lr: 0.003 },
        max_grad_norm: 1,
        dropout: 0,
      });
      const before = [hostTensors(parameters), ...weights];
      for (const [step, { micro_losses, label_tokens, loss, grad_norm, lr }] of expected[
        reduction
      ].steps.entries()) {
        const measured: Record<"labels" | "loss" | "accuracy" | "entropy", number>[] = [];
        for (const batch of microBatches.slice(2 * step, 2 * step + 2)) {
          const padded = (
            of: (row: (typeof batch)[number], t: number) => number | undefined,
            padding: number,
          ) => batch.flatMap((row) => Array.from({ length: width }, (_, t) => of(row, t) ?? padding));
          const ids = (values: readonly number[]) => int32(values, [rows, width]);
          const result = await measure({
            weights: before[step]!,
            inputIds: ids(padded((row, t) => row.input_ids[t], 0)),
            positionIds: ids(padded((_, t) => t, 0)),
            labels: ids(padded((row, t) => row.labels[t], -100)),
          });
          const read = async (name: keyof typeof result) => (await result[name].read()).data[0] as number;
          measured.push({
            labels: await read("labels"),
            loss: await read("loss"),
            accuracy: await read("accuracy"),
            entropy: await read("entropy"),
          });
        }
        const close = (ours: number, theirs: number) =>
          expect(Math.abs(ours - theirs), `step ${step}: ${ours}, not ${theirs}`).toBeLessThan(
            (step === 0 ? 1e-5 : 2e-4) * (1 + Math.abs(theirs)),
          );
        expect(measured.map(({ labels }) => labels)).toEqual(label_tokens);
        for (const [index, wanted] of micro_losses.entries()) close(measured[index]!.loss, wanted);
        if (reduction === "micro_mean") continue;
        // TRL averages by tokens.
        const trl = expected.trl_sft_trainer.steps[step]!;
        close(trl.loss, loss);
        close(trl.grad_norm, grad_norm);
        expect(trl.lr).toBeCloseTo(lr, 12);
        const mean = (name: "accuracy" | "entropy") => (measured[0]![name] + measured[1]![name]) / 2;
        close(mean("accuracy"), trl.mean_token_accuracy);
        close(mean("entropy"), trl.entropy);
      }
      await backend.dispose();
    },
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
