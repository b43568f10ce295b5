/** One reward model of one arm, through the stage `reward`, and its course. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Backend, createRegistry, runPipeline } from "@alignkit/core";
import { reward } from "@alignkit/reward";
import { pairsOf, type Task } from "./rankings.js";
import type { Settings } from "./settings.js";

/** All pairs of a prompt in one update, or each pair in whichever update the shuffle puts it. */
export const arms = ["K-wise", "shuffled pairs"] as const;
export type Arm = (typeof arms)[number];

/** Where a run stands at an evaluation. */
export interface Point {
  readonly epoch: number;
  /** Mean over the updates since the last evaluation, each measured before it was made. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly heldOutLoss: number;
  readonly heldOutAccuracy: number;
}

export interface Run {
  readonly source: string;
  readonly seed: number;
  readonly arm: Arm;
  readonly learningRate: number;
  readonly comparisons: number;
  readonly updatesPerEpoch: number;
  /** Responses that go through the model in one epoch. */
  readonly rowsPerEpoch: number;
  readonly points: readonly Point[];
}

/**
 * Both arms see the same comparisons, all of equal weight, in as many updates, at a constant rate, so that the course of
 * one run holds every number of epochs.
 */
export async function trainArm(
  task: Task,
  { arm, learningRate }: { readonly arm: Arm; readonly learningRate: number },
  settings: Settings,
  { backend, directory }: { readonly backend: Backend; readonly directory: string },
): Promise<Run> {
  const pairs = pairsOf(task.train);
  const updates = Math.ceil(task.train.length / settings.promptsPerUpdate);
  const perUpdate = {
    "K-wise": settings.promptsPerUpdate,
    "shuffled pairs": Math.ceil(pairs.length / updates),
  };
  await mkdir(directory, { recursive: true });
  const write = async (name: string, rows: readonly object[]) => {
    await writeFile(join(directory, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return name;
  };
  const config = {
    train_files: await write("train.jsonl", arm === "K-wise" ? task.train : pairs),
    eval_files: await write("held-out.jsonl", task.heldOut),
    // Each comparison weighs the same in both arms.
    loss_normalization: "pooled_pairs",
    per_device_train_batch_size: perUpdate[arm],
    per_device_eval_batch_size: settings.promptsPerUpdate,
    num_train_epochs: settings.epochs,
    learning_rate: learningRate,
    lr_scheduler_type: "constant",
    max_length: task.maxLength,
    too_long: "truncate",
    eval_steps: Math.max(1, Math.round(updates / settings.evaluationsPerEpoch)),
    eval_on_start: true,
    save_steps: 0,
  };
  const runDirectory = join(directory, "run");
  await runPipeline(
    { stages: [{ use: "reward", config, inputs: { init: { path: task.init } } }] },
    {
      registry: createRegistry([reward()]),
      backend,
      runDirectory,
      baseDirectory: directory,
      seed: task.seed,
      resume: true,
    },
  );
  const rows = task.train.reduce((sum, { responses }) => sum + responses.length, 0);
  return {
    source: task.source,
    seed: task.seed,
    arm,
    learningRate,
    comparisons: pairs.length,
    updatesPerEpoch: updates,
    rowsPerEpoch: arm === "K-wise" ? rows : 2 * pairs.length,
    points: await readPoints(join(runDirectory, "metrics.jsonl"), updates),
  };
}

type Line = Readonly<
  Record<"step" | "loss" | "accuracy" | "eval_loss" | "eval_accuracy", number | undefined>
>;

async function readPoints(file: string, updates: number): Promise<Point[]> {
  const points: Point[] = [];
  let since: Line[] = [];
  for (const text of (await readFile(file, "utf8")).trim().split("\n")) {
    const line = JSON.parse(text) as Line;
    if (line.loss !== undefined) since.push(line);
    if (line.eval_loss === undefined) continue;
    const mean = (name: "loss" | "accuracy") =>
      since.reduce((sum, { [name]: value = Number.NaN }) => sum + value, 0) / since.length;
    points.push({
      epoch: (line.step as number) / updates,
      trainLoss: mean("loss"),
      trainAccuracy: mean("accuracy"),
      heldOutLoss: line.eval_loss,
      heldOutAccuracy: line.eval_accuracy as number,
    });
    since = [];
  }
  return points;
}
