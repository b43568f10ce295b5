import {
  createRandom,
  type Metrics,
  referenceBackend,
  silentProgress,
  type TrainingContext,
} from "@alignkit/core";
import { createModelConfig, initializeParameters } from "@alignkit/models";
import { describe, expect, it } from "vitest";
import { type Example, type MixedTexts, noTexts } from "./batches.js";
import { sftConfig } from "./config.js";
import type { Selection } from "./selection.js";
import { trainLanguageModel } from "./train.js";

const config = createModelConfig({
  model_type: "gpt2",
  vocab_size: 13,
  n_positions: 24,
  n_embd: 6,
  n_layer: 1,
  n_head: 2,
});
const model = {
  config,
  initialize: () => initializeParameters(config, "language_model", createRandom(1).split("model")),
};

/** Rows of 3 to 10 tokens; the number of labels differs from row to row, so that means of means differ from means. */
const examples: readonly Example[] = Array.from({ length: 8 }, (_, row) => {
  const length = 3 + row;
  const inputIds = Int32Array.from({ length }, (_, position) => (3 * row + 5 * position) % 13);
  return { inputIds, labels: inputIds.map((id, position) => (position <= row % 3 ? -100 : id)) };
});

async function train(
  settings: Readonly<Record<string, unknown>>,
  options: {
    readonly examples?: readonly Example[];
    readonly evaluation?: readonly Example[];
    readonly packing?: boolean;
    readonly mixed?: MixedTexts;
    readonly selection?: Selection;
    readonly model?: typeof model;
  } = {},
) {
  const lines: { readonly step: number; readonly metrics: Metrics }[] = [];
  const context: TrainingContext = {
    name: "sft",
    backend: referenceBackend(),
    random: createRandom(3),
    tracker: { log: (step, metrics) => lines.push({ step, metrics }) },
    progress: silentProgress,
    checkpoints: { save: async () => {}, latest: async () => undefined },
    signal: new AbortController().signal,
    now: () => performance.now(),
  };
  const parameters = await trainLanguageModel({
    context,
    config: sftConfig.parse({
      learning_rate: 0.01,
      lr_scheduler_type: "constant",
      residual_dropout: 0,
      ...settings,
    }),
    model: options.model ?? model,
    examples: options.examples ?? examples,
    evaluationExamples: options.evaluation ?? [],
    packing: options.packing ?? false,
    mixed: options.mixed ?? noTexts,
    selection: options.selection,
  });
  return { lines, parameters };
}

function largestDifference(
  a: Awaited<ReturnType<typeof train>>,
  b: Awaited<ReturnType<typeof train>>,
): number {
  let largest = 0;
  for (const [name, { data }] of a.parameters) {
    const other = b.parameters.get(name)!.data;
    for (const [index, value] of data.entries()) largest = Math.max(largest, Math.abs(value - other[index]!));
  }
  return largest;
}

describe("trainLanguageModel", () => {
  it("takes the same step with 1 x 8, 2 x 4 and 8 x 1 rows", async () => {
    const run = (rows: number) =>
      train({
        per_device_train_batch_size: rows,
        gradient_accumulation_steps: 8 / rows,
        max_steps: 3,
        shuffle: false,
      });
    const whole = await run(8);
    for (const rows of [1, 4]) {
      const divided = await run(rows);
      for (const [index, { metrics }] of divided.lines.entries()) {
        expect(metrics.loss).toBeCloseTo(whole.lines[index]!.metrics.loss!, 6);
        expect(metrics.grad_norm).toBeCloseTo(whole.lines[index]!.metrics.grad_norm!, 5);
      }
      expect(largestDifference(divided, whole)).toBeLessThan(1e-5);
    }
    // The mean of micro-batch means is another loss.
    const means = await train({
      per_device_train_batch_size: 1,
      gradient_accumulation_steps: 8,
      max_steps: 1,
      shuffle: false,
      loss_reduction: "micro_mean",
    });
    expect(Math.abs(means.lines[0]!.metrics.loss! - whole.lines[0]!.metrics.loss!)).toBeGreaterThan(1e-3);
  });

  it("takes the same step with packed rows, 1 x 8, 2 x 4 and 8 x 1", async () => {
    const run = (rows: number, packing: boolean) =>
      train(
        {
          per_device_train_batch_size: rows,
          gradient_accumulation_steps: 8 / rows,
          max_steps: 2,
          shuffle: false,
        },
        { packing },
      );
    const unpacked = await run(8, false);
    for (const rows of [8, 4, 1]) {
      const packed = await run(rows, true);
      for (const [index, { metrics }] of packed.lines.entries()) {
        const expected = unpacked.lines[index]!.metrics;
        expect(metrics.loss).toBeCloseTo(expected.loss!, 6);
        expect(metrics.grad_norm).toBeCloseTo(expected.grad_norm!, 5);
        expect(metrics.num_tokens).toBe(expected.num_tokens);
      }
      expect(largestDifference(packed, unpacked)).toBeLessThan(1e-5);
    }
  });

  it("does not see padding", async () => {
    const settings = { per_device_train_batch_size: 8, max_steps: 2, shuffle: false };
    const tight = await train({ ...settings, pad_to_multiple_of: 1 });
    const wide = await train({ ...settings, pad_to_multiple_of: 24 });
    expect(largestDifference(tight, wide)).toBeLessThan(1e-6);
    expect(wide.lines[0]!.metrics.loss).toBeCloseTo(tight.lines[0]!.metrics.loss!, 6);
  });

  it("counts tokens, epochs and the rows of a last, smaller update", async () => {
    const { lines } = await train({
      per_device_train_batch_size: 3,
      gradient_accumulation_steps: 2,
      num_train_epochs: 2,
      shuffle: false,
    });
    // 8 rows of 3..10 tokens make updates of 6 and 2 rows: 3+4+5+6+7+8 = 33 tokens, then 9+10 = 19.
    expect(lines.map(({ step, metrics }) => [step, metrics.num_tokens, metrics.epoch])).toEqual([
      [1, 33, 6 / 8],
      [2, 52, 1],
      [3, 85, 1 + 6 / 8],
      [4, 104, 2],
    ]);
  });

  it("mixes texts in at their share, going on with unused ones", async () => {
    const texts = [2, 4, 6].map((length) => ({
      inputIds: new Int32Array(length).fill(1),
      labels: Int32Array.from({ length }, (_, position) => (position === 0 ? -100 : 1)),
    }));
    const { lines } = await train(
      { per_device_train_batch_size: 5, num_train_epochs: 2, shuffle: false },
      { mixed: { texts, share: 0.2 } },
    );
    // 2 texts among 10: after 3 + 4 + 5 + 6 = 18 tokens one of 2, after 34 one of 4; then one of 6, and that of 2 again.
    expect(lines.map(({ metrics }) => [metrics.num_tokens, metrics.epoch])).toEqual([
      [20, 0.5],
      [58, 1],
      [82, 1.5],
      [118, 2],
    ]);
  });

  it("returns the weights with the best evaluation, the first of equals", async () => {
    const settings = { per_device_train_batch_size: 4, eval_steps: 1, shuffle: false, learning_rate: 0.1 };
    // Other rows than those of training: their loss falls, then rises.
    const evaluation = examples.map(({ inputIds, labels }) => ({
      inputIds: inputIds.map((id) => (id * 4 + 1) % 13),
      labels: labels.map((id) => (id === -100 ? -100 : (id * 4 + 1) % 13)),
    }));
    const run = (max_steps: number, selection?: Selection) =>
      train({ ...settings, max_steps }, { evaluation, ...(selection === undefined ? {} : { selection }) });
    const losses = (await run(5)).lines.map(({ metrics }) => metrics.eval_loss!);
    for (const [greaterIsBetter, best] of [
      [false, Math.min(...losses)],
      [true, Math.max(...losses)],
    ] as const) {
      const chosen = await run(5, { metric: "eval_loss", greaterIsBetter });
      const step = losses.indexOf(best) + 1;
      expect(chosen.lines.at(-1)!.metrics.best_step).toBe(step);
      expect(largestDifference(chosen, await run(step))).toBe(0);
    }
    expect(losses.indexOf(Math.min(...losses))).not.toBe(losses.indexOf(Math.max(...losses)));
    const equal = await train(
      { ...settings, max_steps: 3, learning_rate: 0 },
      { evaluation, selection: { metric: "eval_loss", greaterIsBetter: false } },
    );
    expect(equal.lines.at(-1)!.metrics.best_step).toBe(1);
  });

  it("logs and evaluates when it is due", async () => {
    const { lines } = await train(
      {
        per_device_train_batch_size: 8,
        per_device_eval_batch_size: 3,
        max_steps: 5,
        logging_steps: 3,
        eval_steps: 2,
        eval_on_start: true,
        learning_rate: 0,
      },
      { evaluation: examples },
    );
    const names = lines.map(({ step, metrics }) => `${step} ${"loss" in metrics} ${"eval_loss" in metrics}`);
    expect(names).toEqual(["0 false true", "2 false true", "3 true false", "4 false true", "5 true true"]);
    // With a rate of 0 nothing changes, and the held-out rows are those of training: per token, not per row or batch.
    const { loss, eval_loss } = lines[4]!.metrics;
    expect(eval_loss).toBeCloseTo(loss!, 6);
    expect(lines[0]!.metrics.eval_loss).toBe(eval_loss);
  });

  it("orders each epoch anew, from the seed", async () => {
    const settings = { per_device_train_batch_size: 1, num_train_epochs: 2, learning_rate: 0 };
    const lossesOf = ({ lines }: Awaited<ReturnType<typeof train>>) =>
      lines.map(({ metrics }) => metrics.loss!);
    const first = lossesOf(await train(settings));
    expect(lossesOf(await train(settings))).toEqual(first);
    expect(first.slice(0, 8)).not.toEqual(first.slice(8));
    expect(first.slice(0, 8).toSorted()).toEqual(first.slice(8).toSorted());
    const ordered = lossesOf(await train({ ...settings, shuffle: false }));
    expect(ordered.slice(0, 8)).toEqual(ordered.slice(8));
  });

  it("drops anew in each forward pass of training, from the seed, and never in an evaluation", async () => {
    const settings = {
      per_device_train_batch_size: 4,
      gradient_accumulation_steps: 2,
      max_steps: 3,
      shuffle: false,
      learning_rate: 0,
      eval_steps: 1,
    };
    const run = (rate: number) => train({ ...settings, residual_dropout: rate }, { evaluation: examples });
    const [dropped, again, none] = [await run(0.2), await run(0.2), await run(0)];
    const lossesOf = ({ lines }: typeof none, name: "loss" | "eval_loss") =>
      lines.map(({ metrics }) => metrics[name]!);
    // The weights and the rows stay the same from update to update: only the masks differ.
    expect(new Set(lossesOf(none, "loss")).size).toBe(1);
    expect(new Set(lossesOf(dropped, "loss")).size).toBe(3);
    expect(lossesOf(again, "loss")).toEqual(lossesOf(dropped, "loss"));
    expect(lossesOf(dropped, "eval_loss")).toEqual(lossesOf(none, "eval_loss"));
  });

  it("learns two rows by heart", async () => {
    const { lines } = await train(
      { per_device_train_batch_size: 2, max_steps: 60, learning_rate: 0.1 },
      { examples: examples.slice(2, 4) },
    );
    expect(lines[0]!.metrics.loss).toBeGreaterThan(2);
    expect(lines.at(-1)!.metrics.loss).toBeLessThan(0.1);
  });
});

describe("rows as long as they may be", () => {
  // 256 tokens are where attention is computed in blocks.
  const long = createModelConfig({
    model_type: "gpt2",
    vocab_size: 13,
    n_positions: 300,
    n_embd: 6,
    n_layer: 1,
    n_head: 2,
  });
  const start = {
    config: long,
    initialize: () => initializeParameters(long, "language_model", createRandom(1).split("model")),
  };
  const rows: readonly Example[] = [256, 40, 170].map((length, row) => {
    const inputIds = Int32Array.from({ length }, (_, position) => (3 * row + 5 * position) % 13);
    return { inputIds, labels: inputIds };
  });

  it.each([false, true])("take the step of rows that could be longer; packed: %s", async (packing) => {
    const settings = { max_steps: 1, per_device_train_batch_size: 3, shuffle: false };
    const options = { examples: rows, packing, model: start };
    const [longest, shorter] = [
      await train({ ...settings, max_length: 256 }, options),
      await train({ ...settings, max_length: 257 }, options),
    ];
    // float32; the first step of Adam is 0.01 times a sign where gradients are not tiny.
    expect(largestDifference(longest, shorter)).toBeLessThan(1e-4);
    const [first, second] = [longest, shorter].map(({ lines }) => lines[0]?.metrics);
    expect(first?.loss).toBeCloseTo(second?.loss as number, 5);
    expect(first?.grad_norm).toBeCloseTo(second?.grad_norm as number, 5);
  });
});

describe("rows of several texts", () => {
  /** Tokens 4 to 7 are a second text and are all that is learned; `first` fills the text before it. */
  const row = (first: number, withDocuments: boolean): Example => ({
    inputIds: Int32Array.of(first, first, first, first, 5, 7, 2, 11),
    labels: Int32Array.of(-100, -100, -100, -100, -100, 7, 2, 11),
    ...(withDocuments ? { documentIds: Int32Array.of(3, 3, 3, 3, 4, 4, 4, 4) } : {}),
  });
  const lossOf = async (first: number, withDocuments: boolean) => {
    // The shorter row beside it is padded.
    const other = { inputIds: Int32Array.of(1, 2, 3), labels: Int32Array.of(-100, 2, 3) };
    const { lines } = await train({ max_steps: 1 }, { examples: [row(first, withDocuments), other] });
    return lines[0]?.metrics.loss as number;
  };

  it("see only their own text where documents are given", async () => {
    const [with1, with9] = [await lossOf(1, true), await lossOf(9, true)];
    expect(with9).toBeCloseTo(with1, 6);
    expect(Math.abs((await lossOf(1, false)) - (await lossOf(9, false)))).toBeGreaterThan(1e-5);
    expect(Math.abs((await lossOf(1, false)) - with1)).toBeGreaterThan(1e-5);
  });
});
