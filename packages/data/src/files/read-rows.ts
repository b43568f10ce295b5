import { DataError } from "@alignkit/core";
import { readCsv } from "./csv.js";
import { readJsonArray } from "./json-array.js";
import { readJsonLines } from "./json-lines.js";
import { readParquet } from "./parquet.js";
import type { FileRow } from "./row.js";

const readers: Readonly<Record<string, (file: string) => AsyncGenerator<FileRow>>> = {
  ".jsonl": readJsonLines,
  ".ndjson": readJsonLines,
  ".json": readJsonArray,
  ".csv": readCsv,
  ".parquet": readParquet,
};

/**
 * The rows of a data file, one after another: `.jsonl`, `.json`, `.csv` or `.parquet`, each also with `.gz`. The file may
 * be larger than memory.
 * @throws {DataError} naming the file, the line or row, and what is wrong there
 */
export function readRows(file: string): AsyncGenerator<FileRow> {
  const reader = readers[extensionOf(file)];
  if (reader === undefined) {
    throw new DataError(
      `${file}: the kind of file is not known; give ${Object.keys(readers).join(", ")}, or one of them with .gz`,
      { details: { file } },
    );
  }
  return reader(file);
}

/** `.jsonl` of `a.b.jsonl.gz`, in small letters. */
export function extensionOf(file: string): string {
  return /\.[^./\\]*$/.exec(file.replace(/\.gz$/, ""))?.[0].toLowerCase() ?? "";
}
