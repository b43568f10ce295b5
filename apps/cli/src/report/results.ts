/** Tables of `results.json`, whatever it measures. */
import type { JsonObject } from "./read-run.js";

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Whether cells are sentences, not numbers. */
  readonly isText?: boolean;
}

export interface ResultsView {
  readonly notes: readonly string[];
  readonly tables: readonly Table[];
}

/**
 * - texts and numbers are notes;
 * - an object of objects is a table: a column for each outer key, a row for each inner one;
 * - any other object is a table of two columns;
 * - a list of objects is a table of texts.
 *
 * `{ mean, low, high }` is a number with its interval.
 */
export function viewResults(results: JsonObject): ResultsView {
  const notes: string[] = [];
  const tables: Table[] = [];
  for (const [key, value] of Object.entries(results)) {
    const title = words(key);
    if (isPlain(value)) notes.push(typeof value === "string" ? value : `${title}: ${format(value)}`);
    else if (Array.isArray(value)) tables.push(...listTable(title, value));
    else tables.push(objectTable(title, value as JsonObject));
  }
  return { notes, tables };
}

function objectTable(title: string, value: JsonObject): Table {
  const entries = Object.entries(value);
  const isNested = entries.length > 0 && entries.every(([, one]) => isObject(one) && !isEstimate(one));
  if (!isNested) {
    return { title, columns: ["", "value"], rows: entries.map(([key, one]) => [words(key), format(one)]) };
  }
  const inner = [...new Set(entries.flatMap(([, one]) => Object.keys(one as JsonObject)))];
  const cell = (one: unknown, key: string) => format((one as JsonObject)[key]);
  const rows = inner.flatMap((key) => {
    const below = entries.map(([, one]) => (one as JsonObject)[key]);
    // One level more, such as a score for each use case, is a row for each.
    if (below.every((one) => isObject(one) && !isEstimate(one))) {
      const keys = [...new Set(below.flatMap((one) => Object.keys(one as JsonObject)))];
      return keys.map((name) => [`${words(key)}: ${words(name)}`, ...below.map((one) => cell(one, name))]);
    }
    return [[words(key), ...entries.map(([, one]) => cell(one, key))]];
  });
  return { title, columns: ["", ...entries.map(([key]) => key)], rows };
}

/** Objects within an object become columns of their own; those with the same keys share them. */
function listTable(title: string, list: readonly unknown[]): readonly Table[] {
  const rows = list.filter(isObject).map((row) => {
    const cells = new Map<string, string>();
    for (const [key, value] of Object.entries(row)) {
      if (!isObject(value) || isEstimate(value)) {
        cells.set(words(key), format(value));
        continue;
      }
      for (const [name, one] of Object.entries(value)) {
        const before = cells.get(name);
        cells.set(name, before === undefined ? format(one) : `${before}\n${words(key)}: ${format(one)}`);
      }
    }
    return cells;
  });
  if (rows.length === 0) return [];
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const cellsOf = (row: ReadonlyMap<string, string>) => columns.map((column) => row.get(column) ?? "");
  return [{ title, columns, rows: rows.map(cellsOf), isText: true }];
}

/** `winRateByGold` and `win_rate` as words. */
export function words(name: string): string {
  const spaced = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export function format(value: unknown): string {
  if (typeof value === "number") return formatNumber(value);
  if (isEstimate(value)) {
    const { mean, low, high } = value;
    return `${formatNumber(mean)} [${formatNumber(low)}, ${formatNumber(high)}]`;
  }
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  return value.toFixed(size >= 100 ? 1 : 3);
}

type Estimate = { readonly mean: number; readonly low: number; readonly high: number };

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isPlain = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);
const isEstimate = (value: unknown): value is Estimate =>
  isObject(value) && ["mean", "low", "high"].every((key) => typeof value[key] === "number");
