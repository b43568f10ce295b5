/**
 * Two trajectories of PyTorch as a user gives them to a stage: a model directory, rows of ids without padding (the
 * stage pads again, to lengths of its own), settings; and what a run of them must leave behind.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Backend,
  type CheckpointContent,
  createRandom,
  type HostTensor,
  silentProgress,
  type TrainingContext,
} from "@alignkit/core";
import { readModelDirectory, readSafetensors } from "@alignkit/models";
import { expect } from "vitest";

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8"));

const fixturesOf = (stage: string) =>
  fileURLToPath(new URL(`../packages/${stage}/fixtures/training/`, import.meta.url));

interface Step {
  readonly loss: number;
  readonly grad_norm: number;
  readonly lr: number;
}

/** Positions of a row that hold real tokens. */
const realIn =
  (mask: readonly number[]) =>
  (_: unknown, position: number): boolean =>
    mask[position] === 1;

const asLines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Metrics of a run, one object per line. */
export async function metricsOf(runDirectory: string): Promise<readonly Record<string, number>[]> {
  const text = await readFile(join(runDirectory, "metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** What a training loop needs around it, and the weights that it had after each step. */
export function recordingContext(backend: Backend) {
  const weights: Record<string, HostTensor>[] = [];
  return {
    weights,
    context: {
      name: "recorded",
      backend,
      random: createRandom(0),
      tracker: { log() {} },
      progress: silentProgress,
      checkpoints: {
        latest: async () => undefined,
        async save(_: number, { tensors }: CheckpointContent) {
          const saved: Record<string, HostTensor> = {};
          for (const [name, tensor] of Object.entries(tensors.model!))
            saved[name] = "read" in tensor ? await tensor.read() : tensor;
          weights.push(saved);
        },
      },
      signal: new AbortController().signal,
      now: () => performance.now(),
    } satisfies TrainingContext,
  };
}

/** Rounding grows along a trajectory; the first step has none yet. */
function expectStep(metrics: Record<string, number>, step: Step, index: number, names: readonly string[]) {
  expect(metrics.step).toBe(index + 1);
  expect(metrics.learning_rate).toBeCloseTo(step.lr, 12);
  const tolerance = index === 0 ? 1e-5 : 2e-4;
  for (const name of names) {
    const wanted = (step as unknown as Record<string, number>)[name]!;
    const difference = Math.abs(metrics[name]! - wanted);
    expect(difference, `${name} of step ${index + 1}`).toBeLessThan(tolerance * (1 + Math.abs(wanted)));
  }
  expect(Math.abs(metrics.grad_norm! - step.grad_norm)).toBeLessThan(1e-3 * step.grad_norm);
}

/** Weights within 5e-4, leaving out ranges that outputs do not depend on. */
async function expectWeights(
  directory: string,
  file: string,
  undetermined: Readonly<Record<string, readonly [start: number, end: number]>>,
) {
  const trained = await readModelDirectory(directory);
  const { tensors } = await readSafetensors(file);
  expect([...trained.parameters.keys()].sort()).toEqual([...tensors.keys()].sort());
  for (const [name, { data }] of trained.parameters) {
    const [start, end] = undetermined[name] ?? [0, 0];
    const wanted = tensors.get(name)!.data;
    let largest = 0;
    for (const [index, value] of data.entries()) {
      if (index >= start && index < end) continue;
      largest = Math.max(largest, Math.abs(value - (wanted[index] as number)));
    }
    expect(largest, name).toBeLessThan(5e-4);
  }
}

/** Of both; `weight_decay` and the course of the rate differ. */
const shared = {
  lr_scheduler_type: "cosine",
  max_grad_norm: 1,
  adam_beta1: 0.9,
  adam_beta2: 0.95,
  adam_epsilon: 1e-8,
  shuffle: false,
} as const;

const sft = fixturesOf("sft");

interface SftStep extends Step {
  readonly micro_losses: readonly number[];
  readonly label_tokens: readonly number[];
}
interface SftTrajectory {
  readonly steps: readonly SftStep[];
  readonly final: string;
}
interface SftExpected {
  readonly token_mean: SftTrajectory;
  readonly micro_mean: SftTrajectory;
  /** The same as `token_mean` by TRL, which measures more. */
  readonly trl_sft_trainer: {
    readonly steps: readonly (Step & { readonly entropy: number; readonly mean_token_accuracy: number })[];
  };
  readonly optimizer: unknown;
  readonly schedule: unknown;
  readonly max_grad_norm: number;
  readonly undetermined: Readonly<Record<string, readonly [number, number]>>;
}

/** 12 updates of 2 micro-batches of 3 rows. */
export const sftTrajectory = {
  model: join(sft, "model"),
  config: {
    ...shared,
    per_device_train_batch_size: 3,
    gradient_accumulation_steps: 2,
    max_steps: 12,
    learning_rate: 0.003,
    warmup_steps: 3,
    weight_decay: 0.1,
    residual_dropout: 0,
  },
  /** Rows without padding, 3 a micro-batch. */
  async microBatches() {
    const { micro_batches } = await readJson<{
      micro_batches: { input_ids: number[][]; attention_mask: number[][]; labels: number[][] }[];
    }>(join(sft, "batches.json"));
    return micro_batches.map(({ input_ids, attention_mask, labels }) =>
      input_ids.map((ids, row) => {
        const real = realIn(attention_mask[row]!);
        return { input_ids: ids.filter(real), labels: labels[row]!.filter(real) };
      }),
    );
  },
  /** Writes the first `count` rows, all by default. */
  async writeRows(path: string, count?: number): Promise<void> {
    const rows = (await sftTrajectory.microBatches()).flat();
    await writeFile(path, asLines(rows.slice(0, count)));
  },
  expected: () => readJson<SftExpected>(join(sft, "expected.json")),
  async expectRun(runDirectory: string, artifact: string, reduction: "token_mean" | "micro_mean") {
    const expected = await sftTrajectory.expected();
    const { steps, final } = expected[reduction];
    const metrics = await metricsOf(runDirectory);
    expect(metrics.length).toBe(steps.length);
    for (const [index, step] of steps.entries()) expectStep(metrics[index]!, step, index, ["loss"]);
    await expectWeights(artifact, join(sft, final), expected.undetermined);
  },
};

const reward = fixturesOf("reward");

interface RewardStep extends Step {
  readonly accuracy: number;
}
interface RewardExpected {
  /** With the scores of all rows before the update. */
  readonly steps: readonly (RewardStep & { readonly scores: readonly number[] })[];
  /** The same by TRL. */
  readonly trl_reward_trainer: { readonly steps: readonly RewardStep[] };
  readonly optimizer: unknown;
  readonly schedule: unknown;
  readonly max_grad_norm: number;
  readonly center: number;
}

/** 8 updates of 4 pairs. */
export const rewardTrajectory = {
  model: join(reward, "model"),
  config: {
    ...shared,
    per_device_train_batch_size: 4,
    max_steps: 8,
    learning_rate: 0.002,
    warmup_steps: 2,
    weight_decay: 0,
    center_rewards_coefficient: 0.01,
  },
  /** The rows of each update without padding: the chosen ones, then the rejected ones. */
  async batches() {
    const { batches } = await readJson<{
      batches: { input_ids: number[][]; attention_mask: number[][]; margin: number[] }[];
    }>(join(reward, "batches.json"));
    return batches.map(({ input_ids, attention_mask, margin }) => ({
      rows: input_ids.map((ids, row) => ids.filter(realIn(attention_mask[row]!))),
      margin,
    }));
  },
  async writeRows(path: string, count?: number): Promise<void> {
    const rankings = (await rewardTrajectory.batches()).flatMap(({ rows, margin }) =>
      margin.map((value, pair) => ({
        input_ids: [rows[pair], rows[pair + margin.length]],
        ranks: [1, 2],
        margin: value,
      })),
    );
    await writeFile(path, asLines(rankings.slice(0, count)));
  },
  expected: () => readJson<RewardExpected>(join(reward, "expected.json")),
  async expectRun(runDirectory: string, artifact: string) {
    const { steps, trl_reward_trainer: trl } = await rewardTrajectory.expected();
    const metrics = await metricsOf(runDirectory);
    expect(metrics.length).toBe(steps.length);
    const names = ["loss", "margin", "mean_reward"];
    for (const [index, step] of steps.entries()) {
      expectStep(metrics[index]!, step, index, names);
      expectStep(metrics[index]!, trl.steps[index]!, index, [...names, "min_reward", "max_reward"]);
      expect(metrics[index]!.accuracy).toBe(step.accuracy);
      expect(metrics[index]!.accuracy).toBe(trl.steps[index]!.accuracy);
    }
    expect((await readModelDirectory(artifact)).head).toBe("scalar");
    await expectWeights(artifact, join(reward, "final.safetensors"), {});
  },
};
