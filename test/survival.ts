/**
 * What becomes of a run that is struck: the command as a process of its own, ended by a signal at a chosen moment, resumed
 * until it is done. `scripts/kill-test.ts` does it at length, `survival.test.ts` in short.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Random } from "@alignkit/core";
import { type Ended, flagsOf, startCli } from "./cli-process.js";
import { rewardTrajectory, sftTrajectory } from "./trajectories.js";

const ppo = fileURLToPath(new URL("../packages/ppo/fixtures/training/ppo/", import.meta.url));

/** Per stage, the command of a run of 12 updates with a checkpoint after every second step. */
export const commands = {
  sft: [
    ...["sft", "--init", sftTrajectory.model, "--train-files", "rows.jsonl"],
    ...flagsOf({
      ...sftTrajectory.config,
      max_steps: 12,
      shuffle: true,
      save_steps: 2,
      residual_dropout: 0.2,
    }),
  ],
  reward: [
    ...["reward", "--init", rewardTrajectory.model, "--train-files", "rankings.jsonl"],
    ...flagsOf({ ...rewardTrajectory.config, max_steps: 12, shuffle: true, save_steps: 2 }),
  ],
  ppo: [
    ...["ppo", "--init", join(ppo, "policy"), "--reward-model", join(ppo, "reward")],
    ...flagsOf({
      prompt_files: "prompts.jsonl",
      ptx_files: "texts.jsonl",
      batch_size: 8,
      num_mini_batches: 2,
      total_episodes: 80,
      per_device_train_batch_size: 4,
      response_length: 6,
      learning_rate: 1e-3,
      kl_control: "adaptive",
      ptx_ratio: 0.5,
      ptx_coef: 0.5,
      ema_decay: 0.9,
      save_steps: 2,
    }),
  ],
} as const satisfies Record<string, readonly string[]>;

export type Stage = keyof typeof commands;

/** The data that the commands name. */
export async function writeData(folder: string): Promise<void> {
  // Neither divides into updates evenly, so that epochs end within the run.
  await sftTrajectory.writeRows(join(folder, "rows.jsonl"), 20);
  await rewardTrajectory.writeRows(join(folder, "rankings.jsonl"), 10);
  const rows = (count: number, length: (row: number) => number) =>
    Array.from({ length: count }, (_, row) => {
      const ids = Array.from({ length: length(row) }, (_, t) => 3 + ((7 * row + 5 * t) % 30));
      return `${JSON.stringify({ input_ids: ids })}\n`;
    }).join("");
  await writeFile(
    join(folder, "prompts.jsonl"),
    rows(21, (row) => 1 + (row % 6)),
  );
  await writeFile(
    join(folder, "texts.jsonl"),
    rows(9, (row) => 5 + (row % 4)),
  );
}

/** When to strike. */
export type Moment =
  | { readonly kind: "start"; readonly milliseconds: number }
  /** So many steps are logged, and a while after. */
  | { readonly kind: "step"; readonly step: number; readonly milliseconds: number }
  /** A checkpoint or a model directory is being written under its temporary name. */
  | { readonly kind: "writing"; readonly what: "checkpoint" | "model" };

export interface Strike {
  readonly signal: "SIGKILL" | "SIGINT";
  readonly moment: Moment;
}

export const describeStrike = ({ signal, moment }: Strike): string => {
  const what = signal === "SIGINT" ? "Ctrl-C" : "kill -9";
  if (moment.kind === "start") return `${what} ${moment.milliseconds} ms after its start`;
  if (moment.kind === "step") return `${what} ${moment.milliseconds} ms after step ${moment.step}`;
  return `${what} while a ${moment.what} was written`;
};

const isWriting = {
  checkpoint: (run: string, stage: string) =>
    namesIn(join(run, "stages", stage, "checkpoints")).some((name) => name.startsWith(".")),
  model: (run: string) => namesIn(join(run, "artifacts")).some((name) => name.includes(".tmp-")),
} as const;

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function linesOf(run: string): number {
  const path = join(run, "metrics.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}

/** Runs the command with a strike at its moment; without one to its end. */
export async function attempt(
  stage: Stage,
  folder: string,
  run: string,
  options: { readonly resume: boolean; readonly strike?: Strike },
): Promise<Ended> {
  const argv = [
    ...commands[stage],
    ...["--backend", "onnx,threads=1", "--seed", "7", "--output-dir", run],
    ...(options.resume ? ["--resume"] : []),
  ];
  const { child, ended } = startCli(argv, folder);
  if (options.strike !== undefined) {
    const { moment, signal } = options.strike;
    const path = join(folder, run);
    let isOver = false;
    ended.finally(() => {
      isOver = true;
    });
    if (moment.kind === "start") await Promise.race([ended, setTimeout(moment.milliseconds)]);
    else if (moment.kind === "step") {
      while (!isOver && linesOf(path) < moment.step) await setTimeout(1);
      await Promise.race([ended, setTimeout(moment.milliseconds)]);
    } else {
      while (!isOver && !isWriting[moment.what](path, stage)) await setImmediate();
    }
    child.kill(signal);
  }
  return ended;
}

/** Strikes one after the other, each on the resumed run, then lets it end. @returns what happened, in words */
export async function survive(
  stage: Stage,
  folder: string,
  run: string,
  strikes: readonly Strike[],
): Promise<string> {
  const story: string[] = [];
  for (const [index, strike] of strikes.entries()) {
    const { code, signal, stderr } = await attempt(stage, folder, run, { resume: index > 0, strike });
    if (code === 0) story.push(`${describeStrike(strike)}, too late`);
    else if (signal === strike.signal || (code === 130 && strike.signal === "SIGINT"))
      story.push(`${describeStrike(strike)} (${linesOf(join(folder, run))} steps logged)`);
    else throw new Error(`${run}: ${describeStrike(strike)} ended with ${code ?? signal}:\n${stderr}`);
  }
  const last = await attempt(stage, folder, run, { resume: strikes.length > 0 });
  if (last.code !== 0)
    throw new Error(`${run}: after ${story.join(", ")} it ended with ${last.code}:\n${last.stderr}`);
  return story.join(", then ");
}

/** Names of metrics that tell of the machine and not of the training. */
const ofTheMachine = /per_second|elapsed|memory/;

/** All that must be the same: hashes of every file of the artifacts and samples, metrics without wall time. */
export async function outcome(folder: string, run: string): Promise<Readonly<Record<string, unknown>>> {
  const files: Record<string, unknown> = {};
  for (const part of ["artifacts", "stages"]) {
    for (const name of (await readdir(join(folder, run, part), { recursive: true })).sort()) {
      // What checkpoints are left depends on where a run was stopped.
      if (name.includes("checkpoints")) continue;
      const path = join(folder, run, part, name);
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "EISDIR") return "folder";
        throw error;
      });
      files[`${part}/${name}`] = createHash("sha256").update(bytes).digest("hex");
    }
  }
  const text = await readFile(join(folder, run, "metrics.jsonl"), "utf8");
  const metrics = text.split("\n").map((line) => {
    const record: Record<string, unknown> = line === "" ? {} : JSON.parse(line);
    return Object.entries(record).filter(([name]) => !ofTheMachine.test(name));
  });
  return { ...files, metrics };
}

export interface Damage {
  readonly kind: "cut" | "edit";
  /** Of the newest checkpoint. */
  readonly file: string;
  /** Where it is cut, or which byte is changed. */
  readonly offset: number;
}

/** Cuts short or edits each file of the newest checkpoint in turn, in a copy of the run, at a random place. */
export async function* damageEach(
  stage: Stage,
  folder: string,
  run: string,
  random: Random,
): AsyncGenerator<{
  readonly damage: Damage;
  readonly run: string;
  readonly step: number;
  readonly before: number;
}> {
  const checkpoints = join("stages", stage, "checkpoints");
  const steps = namesIn(join(folder, run, checkpoints))
    .map((name) => Number(name.replace("step-", "")))
    .sort((a, b) => a - b);
  const [before, step] = steps.slice(-2) as [number, number];
  for (const file of namesIn(join(folder, run, checkpoints, `step-${step}`))) {
    for (const kind of ["cut", "edit"] as const) {
      const copy = `${run}-${file}-${kind}`;
      await cp(join(folder, run), join(folder, copy), { recursive: true });
      const path = join(folder, copy, checkpoints, `step-${step}`, file);
      const bytes = await readFile(path);
      const offset = random.split(copy).integer(bytes.length);
      if (kind === "cut") await truncate(path, offset);
      else {
        bytes[offset]! ^= 1 << random.split(`${copy} bit`).integer(8);
        await writeFile(path, bytes);
      }
      yield { damage: { kind, file, offset }, run: copy, step, before };
    }
  }
}
