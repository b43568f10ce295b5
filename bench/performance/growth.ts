/** How cost grows: measured curves with a power law through them, beside that of what the graph costs. */
import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { WorkRequest } from "../alignkit/item.js";
import { withScratch } from "../alignkit/models.js";
import { startWorker } from "../worker-process.js";
import type { Cost, Costs } from "./costs.js";
import type { DataMeasurement } from "./data-size.js";
import { floorOf, type Peaks } from "./floor.js";
import type { Part } from "./parts.js";
import { countWork } from "./profile-work.js";

export interface CurvePoint {
  readonly x: number;
  readonly milliseconds: number;
  /** Peak of the process, or of what the work took where that is told. */
  readonly megabytes: number;
  /** What the graph costs at least at the machine's peaks; null where there is no graph. */
  readonly floorMilliseconds: number | null;
}

export interface Curve {
  readonly name: string;
  readonly axis: string;
  readonly what: string;
  readonly points: readonly CurvePoint[];
}

interface GraphCurve {
  readonly axis: string;
  readonly what: string;
  readonly values: readonly number[];
  readonly requestOf: (value: number) => WorkRequest;
  /** Subtracted, so that only what differs counts; the rest is divided by `steps`. */
  readonly withoutOf?: (value: number) => WorkRequest;
  readonly steps?: number;
}

const step = { work: "sft", model: "gpt2-5m", warmup: 0 } as const;

/** Five million parameters where nothing else is said: 4 layers of 256, 8192 tokens. */
const graphCurves: Readonly<Record<string, GraphCurve>> = {
  length: {
    axis: "tokens a row",
    what: "SFT step, 2 rows",
    values: [64, 128, 256, 512, 1024, 2048],
    requestOf: (length) => ({ ...step, batch: 2, length, changes: { n_positions: 2048 } }),
  },
  batch: {
    axis: "rows",
    what: "SFT step, 128 tokens a row",
    values: [1, 2, 4, 8, 16, 32],
    requestOf: (batch) => ({ ...step, batch, length: 128 }),
  },
  layers: {
    axis: "layers",
    what: "SFT step, 8 x 128",
    values: [2, 4, 8, 16, 32],
    requestOf: (layers) => ({ ...step, batch: 8, length: 128, changes: { n_layer: layers } }),
  },
  width: {
    axis: "width",
    what: "SFT step, 4 x 128, heads of 64",
    values: [128, 256, 512, 1024],
    requestOf: (width) => ({
      ...step,
      batch: 4,
      length: 128,
      changes: { n_embd: width, n_head: width / 64 },
    }),
  },
  vocabulary: {
    axis: "tokens in the vocabulary",
    what: "SFT step, 8 x 128",
    values: [2048, 4096, 8192, 16_384, 32_768, 65_536],
    requestOf: (size) => ({ ...step, batch: 8, length: 128, changes: { vocab_size: size } }),
  },
  decode: {
    axis: "tokens in the cache",
    what: "a decoding step of 8 rows",
    values: [64, 128, 256, 512, 1024, 1984],
    requestOf: (prompt) => ({
      work: "generate",
      model: "gpt2-5m",
      warmup: 0,
      batch: 8,
      prompt,
      new: 33,
      changes: { n_positions: 2048 },
    }),
    withoutOf: (prompt) => ({
      work: "generate",
      model: "gpt2-5m",
      warmup: 0,
      batch: 8,
      prompt,
      new: 1,
      changes: { n_positions: 2048 },
    }),
    steps: 32,
  },
};

const dataCurves = ["rows", "records", "checkpoint"] as const;
export const curveNames = [...Object.keys(graphCurves), ...dataCurves];

const megabyte = 2 ** 20;
const dataCurveWords: Readonly<Record<(typeof dataCurves)[number], string>> = {
  rows: "reading .jsonl, row by row",
  records: "reading .jsonl and keeping its records as a stage does",
  checkpoint: "saving a checkpoint",
};

export interface GrowthOptions {
  readonly peaks: Peaks;
  readonly rounds: number;
  /** Of data files and checkpoints. */
  readonly largestBytes: number;
  readonly note: (text: string) => void;
}

export async function measureCurve(name: string, options: GrowthOptions): Promise<Curve> {
  const curve = graphCurves[name];
  if (curve !== undefined) return measureGraphCurve(name, curve, options);
  return measureDataCurve(name as (typeof dataCurves)[number], options);
}

async function measureGraphCurve(
  name: string,
  { axis, what, values, requestOf, withoutOf, steps = 1 }: GraphCurve,
  { peaks, rounds, note }: GrowthOptions,
): Promise<Curve> {
  const points: CurvePoint[] = [];
  for (const x of values) {
    const whole = await measureRequest(requestOf(x), rounds);
    const without = withoutOf && (await measureRequest(withoutOf(x), rounds));
    const floorOfRequest = async (request: WorkRequest) => totalFloor(await countWork(request), peaks);
    const floor = (await floorOfRequest(requestOf(x))) - (withoutOf ? await floorOfRequest(withoutOf(x)) : 0);
    points.push({
      x,
      milliseconds: (whole.milliseconds - (without?.milliseconds ?? 0)) / steps,
      megabytes: whole.megabytes,
      floorMilliseconds: floor / steps,
    });
    note(`${name} ${x}: ${points.at(-1)?.milliseconds.toFixed(1)} ms`);
  }
  return { name, axis, what, points };
}

const totalFloor = (costs: Costs, peaks: Peaks): number =>
  (Object.entries(costs) as [Part, Cost][]).reduce(
    (total, [part, cost]) => total + floorOf(part, cost, peaks),
    0,
  );

/** A process of its own, so that memory is its own; the shortest of the rounds. */
async function measureRequest(request: WorkRequest, rounds: number) {
  const settings = { backend: "onnx", python: null, threads: undefined, allocator: "tuned" } as const;
  const worker = await startWorker("alignkit", settings);
  try {
    await worker.ask({ ...request });
    let milliseconds = Number.POSITIVE_INFINITY;
    let megabytes = 0;
    for (let round = 0; round < rounds; round++) {
      const { ms, peak_mb } = await worker.ask({ ...request });
      milliseconds = Math.min(milliseconds, ms);
      megabytes = Math.max(megabytes, peak_mb);
    }
    return { milliseconds, megabytes };
  } finally {
    await worker.close();
  }
}

const execute = promisify(execFile);
const dataScript = fileURLToPath(new URL("data-size.ts", import.meta.url));

async function measureDataCurve(
  name: (typeof dataCurves)[number],
  { largestBytes, note }: GrowthOptions,
): Promise<Curve> {
  const sizes = [64, 256, 1024, 4096, 10_240].map((size) => size * megabyte);
  const upTo = [...sizes.filter((size) => size < largestBytes), largestBytes];
  return withScratch(async (folder) => {
    const points: CurvePoint[] = [];
    for (const size of upTo) {
      const path = join(folder, name === "checkpoint" ? "checkpoints" : "rows.jsonl");
      if (name !== "checkpoint") await writeTexts(path, size);
      const { stdout } = await execute(
        process.execPath,
        [
          "--expose-gc",
          "--conditions=@alignkit/source",
          "--import",
          "tsx",
          dataScript,
          name,
          path,
          String(size),
        ],
        { cwd: fileURLToPath(new URL("../..", import.meta.url)) },
      );
      const { bytes, milliseconds, megabytes } = JSON.parse(stdout) as DataMeasurement;
      points.push({ x: bytes / megabyte, milliseconds, megabytes, floorMilliseconds: null });
      note(`${name} ${(bytes / megabyte).toFixed(0)} MB: ${milliseconds.toFixed(0)} ms`);
      await rm(path, { force: true, recursive: true });
    }
    return { name, axis: "MB", what: dataCurveWords[name], points };
  });
}

/** Rows of about a kilobyte. */
async function writeTexts(path: string, bytes: number): Promise<void> {
  const words = "the quick brown fox jumps over the lazy dog and does it again ".repeat(16);
  const block = Array.from(
    { length: 1024 },
    (_, row) => `${JSON.stringify({ text: `${row} ${words}` })}\n`,
  ).join("");
  await pipeline(function* () {
    for (let written = 0; written < bytes; written += block.length) yield block;
  }, createWriteStream(path));
}
