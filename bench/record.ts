/** What was measured, as JSON: rows can be measured at different times and shown together. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Comparison, comparisonsOf, modelSizes, workKinds } from "./comparisons.js";
import type { ContestantResult } from "./measure.js";
import type { About } from "./worker-process.js";

/** One comparison, with where and of what it is. */
export interface RecordedRow {
  readonly id: string;
  readonly machine: string;
  readonly commit: string;
  readonly date: string;
  readonly about: Readonly<Record<string, About>>;
  /** Of our side. */
  readonly backends: readonly string[];
  readonly results: readonly ContestantResult[];
}

export interface BenchRecord {
  readonly rows: readonly RecordedRow[];
}

/** An empty record where there is no such file. */
export function readRecord(path: string | undefined): BenchRecord {
  if (path === undefined || !existsSync(path)) return { rows: [] };
  return JSON.parse(readFileSync(path, "utf8")) as BenchRecord;
}

export function writeRecord(path: string, record: BenchRecord): void {
  writeFileSync(path, `${JSON.stringify(record, null, 1)}\n`);
}

/** The record with this row in the place of one of the same name. */
export function withRow({ rows }: BenchRecord, row: RecordedRow): BenchRecord {
  return { rows: [...rows.filter(({ id }) => id !== row.id), row] };
}

/**
 * The row with the rounds of the record's own row before its own, where both are of the same commit, machine and contestants
 * and none of these failed: long work can be measured in several sittings. Else the row as it is.
 */
export function withEarlierRounds({ rows }: BenchRecord, row: RecordedRow): RecordedRow {
  const earlier = rows.find(({ id }) => id === row.id);
  if (earlier === undefined || originOf(earlier) !== originOf(row)) return row;
  if ([...earlier.results, ...row.results].some(({ failure }) => failure !== undefined)) return row;
  const results = row.results.map((result, index) => ({
    ...result,
    measurements: [...(earlier.results[index] as ContestantResult).measurements, ...result.measurements],
  }));
  return { ...row, results };
}

/** What two rows have in common when their rounds are of one measurement. */
function originOf({ commit, machine, about, results }: RecordedRow): string {
  return JSON.stringify([commit, machine, about, results.map(({ contestant }) => contestant)]);
}

/** The rows with their comparisons, in the order of the bench; those that it no longer has are left out. */
export function comparedRows({
  rows,
}: BenchRecord): readonly { readonly comparison: Comparison; readonly row: RecordedRow }[] {
  return comparisonsOf(workKinds, modelSizes).flatMap(({ id, kind, size }) => {
    const row = rows.find((found) => found.id === id);
    if (row === undefined) return [];
    const on = comparisonsOf([kind], [size], row.backends).find((found) => found.id === id);
    return on === undefined ? [] : [{ comparison: on, row }];
  });
}
