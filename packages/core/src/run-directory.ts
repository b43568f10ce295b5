import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "./durable-files.js";
import type { Environment } from "./environment.js";
import { CheckpointError, ConfigError } from "./errors.js";
import { listDifferences } from "./json-difference.js";
import type { Logger } from "./logger.js";
import { acquireLock } from "./run-lock.js";

/**
 * The truth about one run:
 *
 * ```
 * config.json        resolved pipeline and seed
 * environment.json   where it ran last
 * state.json         which stages are finished
 * metrics.jsonl      one object per line
 * stages/<stage>/    checkpoints and whatever the stage keeps
 * artifacts/<stage>.<output>/
 * lock               while a process writes here
 * ```
 */
export interface RunDirectory {
  readonly path: string;
  readonly metricsPath: string;
  /** Stages that have ended, and whose artifacts are whole. */
  readonly finished: ReadonlySet<string>;
  stageDirectory(stage: string): string;
  artifactDirectory(stage: string, output: string): string;
  /** Records that the stage has ended; call it when its artifacts are written. */
  markFinished(stage: string): Promise<void>;
  /** Gives the lock back. */
  close(): Promise<void>;
}

/** Which directory, and whether what is there goes on. */
export interface RunDirectoryOptions {
  readonly path: string;
  /** Resolved config as JSON. */
  readonly config: unknown;
  readonly environment: Environment;
  readonly logger: Logger;
  /** Whether a run that is there already goes on. */
  readonly resume: boolean;
  /** Whether it may go on with another config; finished stages stay as they are. */
  readonly acceptChangedConfig?: boolean | undefined;
}

/** Files of a run directory, for those who read it. */
export const runFiles = {
  config: "config.json",
  environment: "environment.json",
  state: "state.json",
  metrics: "metrics.jsonl",
  stages: "stages",
  artifacts: "artifacts",
  lock: "lock",
} as const;

interface RunState {
  readonly version: 1;
  readonly finished: readonly string[];
}

/**
 * Makes a run directory, or opens one to resume it.
 * @throws {ConfigError} when one is there and is not to be resumed, has another config, or is in use, and when other files are there
 */
export async function openRunDirectory(options: RunDirectoryOptions): Promise<RunDirectory> {
  const { path, logger } = options;
  const fileOf = (name: keyof typeof runFiles) => join(path, runFiles[name]);
  await checkRunDirectory(path);
  await mkdir(path, { recursive: true });
  const release = await acquireLock(fileOf("lock"), logger);
  try {
    await forgetFailedStart(options);
    await settleConfig(fileOf("config"), options);
    await settleEnvironment(fileOf("environment"), options.environment, logger);
    const finished = new Set((await readState(fileOf("state"))).finished);
    await mkdir(fileOf("stages"), { recursive: true });
    await mkdir(fileOf("artifacts"), { recursive: true });
    await removeLeftovers(fileOf("artifacts"));
    return {
      path,
      metricsPath: fileOf("metrics"),
      finished,
      stageDirectory: (stage) => join(fileOf("stages"), stage),
      artifactDirectory: (stage, output) => join(fileOf("artifacts"), `${stage}.${output}`),
      async markFinished(stage) {
        finished.add(stage);
        await writeJson(fileOf("state"), { version: 1, finished: [...finished] } satisfies RunState);
      },
      close: release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** A run may begin among its own files, hidden ones, and what a shell or a scheduler writes down. */
const isNoObstacle = (name: string): boolean =>
  /^\.|\.(log|out|err)$/.test(name) || ownNames.some((own) => name === own || name.startsWith(`${own}.tmp`));
const ownNames: readonly string[] = [...Object.values(runFiles), "report.html"];

/**
 * A run writes into a directory that is new, empty, of a run, or of several in folders of their own; touches nothing.
 * @throws {ConfigError} when it holds something else, so that no files are mixed or overwritten
 */
export async function checkRunDirectory(path: string): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTDIR") return absent(error) ?? [];
    throw new ConfigError(`${path}: is a file, or in one; a run needs a directory`, { details: { path } });
  });
  const config = await readJson(join(path, runFiles.config));
  if (isRunConfig(config)) return;
  if (config !== undefined) {
    throw new ConfigError(`${path}: holds a config.json that is not of a run; choose another directory`, {
      details: { path },
    });
  }
  const others: string[] = [];
  for (const name of names.filter((each) => !isNoObstacle(each)).sort()) {
    const own = await readJson(join(path, name, runFiles.config)).catch(() => undefined);
    if (!isRunConfig(own)) others.push(name);
  }
  if (others.length === 0) return;
  const shown =
    others.length > 3 ? `${others.slice(0, 3).join(", ")} and ${others.length - 3} more` : others.join(", ");
  throw new ConfigError(
    `${path}: holds files that are not of a run (${shown}); choose a directory that is new or empty, such as ${join(path, "run")}`,
    { details: { path, others } },
  );
}

/**
 * Artifacts appear under their names when they are whole; a kill before that leaves `<stage>.<output>.tmp-<process>`, and
 * the lock says that this process is gone.
 */
async function removeLeftovers(artifacts: string): Promise<void> {
  for (const name of await readdir(artifacts)) {
    if (/\.tmp-\d+(-\d+)?$/.test(name)) await rm(join(artifacts, name), { recursive: true, force: true });
  }
}

/** A run that failed before its first step, over a wrong path perhaps, leaves nothing to go on with: it begins anew. */
async function forgetFailedStart({ path, resume, logger }: RunDirectoryOptions): Promise<void> {
  const before = await readJson(join(path, runFiles.config));
  if (before === undefined || !(await hasBegun(path))) {
    if (resume) logger.info(`${path}: nothing to resume; the run begins`);
    for (const name of [runFiles.config, runFiles.environment]) await rm(join(path, name), { force: true });
  }
}

const isRunConfig = (config: unknown): boolean =>
  Array.isArray((config as { readonly stages?: unknown } | null)?.stages);

/** Whether there is a finished stage, a line of metrics or a checkpoint. */
async function hasBegun(path: string): Promise<boolean> {
  const sizeOf = (name: string) => stat(join(path, name)).then(({ size }) => size, absent);
  if ([await sizeOf(runFiles.state), await sizeOf(runFiles.metrics)].some((size) => (size ?? 0) > 0))
    return true;
  for (const stage of (await readdir(join(path, runFiles.stages)).catch(absent)) ?? []) {
    const checkpoints = await readdir(join(path, runFiles.stages, stage, "checkpoints")).catch(absent);
    if ((checkpoints ?? []).length > 0) return true;
  }
  return false;
}

/** For `catch`. @returns `undefined` where there is no such file or folder */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}

/** Writes the config of a new run; compares it with that of an old one. */
async function settleConfig(path: string, options: RunDirectoryOptions): Promise<void> {
  const before = await readJson(path);
  if (before !== undefined) {
    if (!options.resume) {
      throw new ConfigError(
        `${options.path}: holds a run already; resume it (--resume, in code resume: true), or choose another directory`,
        { details: { path: options.path } },
      );
    }
    const differences = listDifferences(before, options.config);
    if (differences.length === 0) return;
    const list = differences.map((line) => `\n- ${line}`).join("");
    if (options.acceptChangedConfig !== true) {
      throw new ConfigError(
        `${options.path}: the config is not the one this run began with; undo the change, choose another directory, or accept it (--accept-changed-config, in code acceptChangedConfig: true)${list}`,
        { details: { path: options.path, differences } },
      );
    }
    options.logger.warn(`the config has changed; finished stages are not run again${list}`);
  }
  await writeJson(path, options.config);
}

async function settleEnvironment(path: string, environment: Environment, logger: Logger): Promise<void> {
  const before = await readJson(path);
  const differences = before === undefined ? [] : listDifferences(before, environment);
  if (differences.length > 0) {
    const list = differences.map((line) => `\n- ${line}`).join("");
    logger.warn(`the run goes on elsewhere than it began; its numbers may differ in the last digits${list}`);
  }
  if (before === undefined || differences.length > 0) await writeJson(path, environment);
}

async function readState(path: string): Promise<RunState> {
  const state = (await readJson(path)) as RunState | undefined;
  if (state !== undefined && state.version !== 1) {
    throw new CheckpointError(`${path}: version ${state.version} is not known; this version reads 1`);
  }
  return state ?? { version: 1, finished: [] };
}

/** `undefined` when there is no such file. */
async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch(absent);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${path}: is not JSON; it was changed`, { cause });
  }
}

/** Whole or not at all, and on the disk. */
async function writeJson(path: string, value: unknown): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(value, null, 2)}\n`));
}

/** An empty folder, whatever was there. */
export async function emptyDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
}
