/** What a run directory holds for people. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { runFiles } from "@alignkit/core";

/** One line of `metrics.jsonl`. */
export type MetricsLine = Readonly<Record<string, number | string | null>> & {
  readonly stage: string;
  readonly step: number;
};

export type JsonObject = Readonly<Record<string, unknown>>;

/** Files that are not there are absent or empty: the run may have just begun. */
export interface RunContents {
  readonly config: JsonObject | undefined;
  readonly environment: JsonObject | undefined;
  /** Stages that have ended. */
  readonly finished: readonly string[];
  readonly metrics: readonly MetricsLine[];
  /** Rows of `samples.jsonl` by stage. */
  readonly samples: ReadonlyMap<string, readonly JsonObject[]>;
  /** `results.json` of the run directory, or of an artifact. */
  readonly results: JsonObject | undefined;
}

export async function readRun(directory: string): Promise<RunContents> {
  const at = (...names: readonly string[]) => join(directory, ...names);
  const samples = new Map<string, readonly JsonObject[]>();
  for (const stage of await list(at(runFiles.stages))) {
    const rows = await readLines<JsonObject>(at(runFiles.stages, stage, "samples.jsonl"));
    if (rows.length > 0) samples.set(stage, rows);
  }
  const places = [at(), ...(await list(at(runFiles.artifacts))).map((name) => at(runFiles.artifacts, name))];
  let results: JsonObject | undefined;
  for (const place of places) results ??= await readJson(join(place, "results.json"));
  return {
    config: await readJson(at(runFiles.config)),
    environment: await readJson(at(runFiles.environment)),
    finished: ((await readJson(at(runFiles.state)))?.finished ?? []) as readonly string[],
    metrics: await readLines<MetricsLine>(at(runFiles.metrics)),
    samples,
    results,
  };
}

async function list(path: string): Promise<readonly string[]> {
  return (await ifThere(() => readdir(path))) ?? [];
}

async function readJson(path: string): Promise<JsonObject | undefined> {
  const text = await ifThere(() => readFile(path, "utf8"));
  return text === undefined ? undefined : (JSON.parse(text) as JsonObject);
}

/** Whole lines only: the last one may have been cut short. */
async function readLines<Row>(path: string): Promise<readonly Row[]> {
  const text = (await ifThere(() => readFile(path, "utf8"))) ?? "";
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Row);
}

async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
