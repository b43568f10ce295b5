/** What was measured of where the time is and how cost grows, as JSON beside the page that shows it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Peaks } from "./floor.js";
import type { Curve } from "./growth.js";
import type { MeasuredPeaks } from "./peaks.js";
import type { WorkProfile } from "./profile-work.js";

/** Where and of what the numbers are. */
export interface Stamp {
  readonly machine: string;
  readonly commit: string;
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
}

export interface PerformanceRecord {
  readonly peaks?: { readonly stamp: Stamp; readonly measured: MeasuredPeaks };
  readonly works: readonly ProfiledWork[];
  readonly curves: readonly { readonly stamp: Stamp; readonly curve: Curve }[];
}

export interface ProfiledWork {
  /** The row of the bench. */
  readonly id: string;
  /** Which contestant of ours. */
  readonly ours: string;
  readonly stamp: Stamp;
  readonly profile: WorkProfile;
}

const results = (name: string) => fileURLToPath(new URL(`../../docs/results/${name}`, import.meta.url));

export const recordPath = results("performance.json");
/** What `npm run bench -- --json` writes for the page. */
export const benchRecordPath = results("bench.json");

export function readPerformance(path: string): PerformanceRecord {
  if (!existsSync(path)) return { works: [], curves: [] };
  return JSON.parse(readFileSync(path, "utf8")) as PerformanceRecord;
}

export function writePerformance(path: string, record: PerformanceRecord): void {
  writeFileSync(path, `${JSON.stringify(record, null, 1)}\n`);
}

/** The best that was measured, in FLOPs and bytes a second. */
export function bestPeaks({ products, fewRows, copies }: MeasuredPeaks): Peaks {
  return {
    flops: 1e9 * Math.max(...products.flatMap(({ rates }) => Object.values(rates))),
    bytes: 1e9 * Math.max(...Object.values(copies)),
    weights: 1e9 * Math.max(...Object.values(fewRows)),
  };
}

/** The best of ONNX Runtime, the library that ours runs on. */
export function runtimePeaks(measured: MeasuredPeaks): Peaks {
  const own = "ONNX Runtime";
  const rates = measured.products.map(({ rates }) => rates[own] ?? 0);
  return {
    ...bestPeaks(measured),
    flops: 1e9 * Math.max(...rates),
    weights: 1e9 * (measured.fewRows[own] ?? 0),
  };
}
