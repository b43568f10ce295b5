import {
  createRandom,
  type Metrics,
  referenceBackend,
  silentProgress,
  type TrainingContext,
} from "@alignkit/core";
import { rankedPairs } from "@alignkit/data";
import { createModelConfig, initializeParameters } from "@alignkit/models";
import { describe, expect, it } from "vitest";
import { type RankingExample, toBatches } from "./batches.js";
import { rewardConfig } from "./config.js";
import { trainRewardModel } from "./train.js";

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
  initialize: () => initializeParameters(config, "scalar", createRandom(1).split("model")),
};

/** K from 2 to 5 with ties; the more often token 12 occurs, the better. */
const examples: readonly RankingExample[] = Array.from({ length: 6 }, (_, prompt) => {
  const count = 2 + (prompt % 4);
  const rows = Array.from({ length: count }, (_, response) => {
    const length = 4 + ((2 * prompt + 3 * response) % 7);
    return Int32Array.from({ length }, (_, position) =>
      position > 1 && position < 2 + response ? 12 : (5 * prompt + 3 * position + response) % 12,
    );
  });
  const ranks = rows.map((row) => -row.filter((id) => id === 12).length);
  return { rows, pairs: rankedPairs(ranks) };
});

async function train(
  settings: Readonly<Record<string, unknown>>,
  data: {
    readonly examples?: readonly RankingExample[];
    readonly evaluation?: readonly RankingExample[];
    readonly demonstrations?: readonly Int32Array[];
  } = {},
) {
  const lines: { readonly step: number; readonly metrics: Metrics }[] = [];
  const context: TrainingContext = {
    name: "reward",
    backend: referenceBackend(),
    random: createRandom(3),
    tracker: { log: (step, metrics) => lines.push({ step, metrics }) },
    progress: silentProgress,
    checkpoints: { save: async () => {}, latest: async () => undefined },
    signal: new AbortController().signal,
    now: () => performance.now(),
  };
  const trained = await trainRewardModel({
    context,
    config: rewardConfig.parse({ learning_rate: 0.01, lr_scheduler_type: "constant", ...settings }),
    model,
    examples: data.examples ?? examples,
    evaluationExamples: data.evaluation ?? [],
    demonstrations: data.demonstrations ?? [],
  });
  return { lines, ...trained };
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

describe("trainRewardModel", () => {
  it.each(["valid_pairs", "k_choose_2", "pooled_pairs"])(
    "takes the same step with 1 x 6, 2 x 3 and 6 x 1 prompts, %s",
    async (loss_normalization) => {
      const run = (prompts: number) =>
        train({
          per_device_train_batch_size: prompts,
          gradient_accumulation_steps: 6 / prompts,
          max_steps: 2,
          shuffle: false,
          center_rewards_coefficient: 0.02,
          loss_normalization,
        });
      const whole = await run(6);
      for (const prompts of [1, 3]) {
        const divided = await run(prompts);
        for (const [index, { metrics }] of divided.lines.entries()) {
          for (const name of ["loss", "accuracy", "margin", "mean_reward", "min_reward", "max_reward"]) {
            expect(metrics[name]).toBeCloseTo(whole.lines[index]!.metrics[name]!, 5);
          }
        }
        expect(largestDifference(divided, whole)).toBeLessThan(1e-5);
      }
    },
  );

  it("does not see padding: neither of rows nor of pairs nor behind the last token", async () => {
    const settings = { per_device_train_batch_size: 6, max_steps: 2, shuffle: false };
    const tight = await train({ ...settings, pad_to_multiple_of: 1 });
    const wide = await train({ ...settings, pad_to_multiple_of: 24 });
    expect(largestDifference(tight, wide)).toBeLessThan(1e-6);
    expect(wide.lines[0]!.metrics.mean_reward).toBeCloseTo(tight.lines[0]!.metrics.mean_reward!, 6);
  });

  it("starts at log 2 for equal responses, and stays there", async () => {
    const row = Int32Array.of(1, 2, 3);
    const { lines } = await train(
      { max_steps: 1 },
      { examples: [{ rows: [row, row], pairs: rankedPairs([2, 1]) }] },
    );
    expect(lines[0]!.metrics.loss).toBeCloseTo(Math.LN2, 6);
    // The gradient is 0, but for rounding.
    expect(lines[0]!.metrics.grad_norm).toBeLessThan(1e-6);
  });

  it("learns what a single token decides, on prompts that it has not seen", async () => {
    // A model that is stuck at 0.5 fails here. Token 12 is good and token 11 bad; all else is random; ties within.
    const separable = (seed: number): RankingExample[] => {
      const random = createRandom(seed);
      const draw = (length: number) => Array.from({ length }, () => random.integer(11));
      return Array.from({ length: 20 }, () => {
        const prompt = draw(2);
        const rows = [12, 11, 12, 11].map((token) => Int32Array.of(...prompt, ...draw(1), token, ...draw(1)));
        return { rows, pairs: rankedPairs([1, 2, 1, 2]) };
      });
    };
    const { lines } = await train(
      { per_device_train_batch_size: 10, max_steps: 60, learning_rate: 0.05, eval_on_start: true },
      { examples: separable(1), evaluation: separable(2) },
    );
    expect(Math.abs(lines[0]!.metrics.eval_accuracy! - 0.5)).toBeLessThan(0.4);
    expect(lines.at(-1)!.metrics.eval_accuracy).toBeGreaterThan(0.95);
    // It is right, and sure of it.
    expect(lines.at(-1)!.metrics.eval_calibration_error).toBeLessThan(0.1);
  });

  it("reports the accuracy of each group that examples name", async () => {
    const grouped = examples.map((example, index) => ({ ...example, group: index < 2 ? "a" : "b" }));
    const { lines } = await train({ max_steps: 1, learning_rate: 0 }, { evaluation: grouped });
    const { eval_accuracy: all, ...metrics } = lines[0]!.metrics;
    const pairsOf = (own: readonly RankingExample[]) =>
      own.reduce((total, { pairs }) => total + pairs.length, 0);
    const [a, b] = [pairsOf(grouped.slice(0, 2)), pairsOf(grouped.slice(2))];
    const mean = (a * metrics["eval_accuracy/a"]! + b * metrics["eval_accuracy/b"]!) / (a + b);
    expect(mean).toBeCloseTo(all!, 12);
  });

  it("evaluates held-out rankings with the loss of training", async () => {
    const settings = {
      per_device_train_batch_size: 6,
      per_device_eval_batch_size: 4,
      max_steps: 1,
      learning_rate: 0,
    };
    const { lines } = await train(settings, { evaluation: examples });
    const { metrics } = lines[0]!;
    for (const name of ["loss", "accuracy", "margin", "mean_reward", "min_reward", "max_reward"]) {
      expect(metrics[`eval_${name}`]).toBeCloseTo(metrics[name]!, 5);
    }
  });

  it("moves the mean score of demonstrations to 0", async () => {
    // The demonstrations are the responses of two prompts, so their mean score is a mean reward.
    const settings = { per_device_train_batch_size: 2, max_steps: 1, learning_rate: 0 };
    const two = examples.slice(2, 4);
    const { lines, bias } = await train(settings, {
      examples: two,
      demonstrations: two.flatMap(({ rows }) => rows),
    });
    expect(bias).toBeCloseTo(-lines[0]!.metrics.mean_reward!, 6);
    expect((await train(settings, { examples: two })).bias).toBe(0);
  });
});

describe("toBatches", () => {
  it("keeps all responses of a prompt in one batch, pairs among them", () => {
    const settings = {
      padTokenId: 0,
      prompts: 2,
      multipleOf: null,
      fewSizes: true,
      normalization: "valid_pairs",
      responsesPerRow: () => 1,
    } as const;
    const batches = toBatches(examples.slice(0, 3), settings);
    // K = 2 and 3 together, then K = 4.
    expect(batches.map(({ responses, rows }) => [responses, rows])).toEqual([
      [5, 5],
      [4, 4],
    ]);
    expect(batches[0]!.pairs.slice(0, 1)).toEqual([{ better: 1, worse: 0 }]);
    expect(batches[0]!.pairs.slice(1).every(({ better, worse }) => better >= 2 && worse >= 2)).toBe(true);
    // A prompt weighs 1/3, however many pairs it has.
    const total = batches.flatMap(({ weights }) => weights).reduce((sum, weight) => sum + weight, 0);
    expect(total).toBeCloseTo(1, 12);
    expect(batches[0]!.weights[0]).toBeCloseTo(1 / 3, 12);
  });
});
