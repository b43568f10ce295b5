import { DataError } from "@alignkit/core";

/** Where a record stands. */
export interface Origin {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** There where `line` counts rows, because the file has no lines (parquet). */
  readonly unit?: "row";
}

/** `file:line`, or `file, row 7`. */
export function placeOf({ file, line, unit }: Origin): string {
  return unit === undefined ? `${file}:${line}` : `${file}, ${unit} ${line}`;
}

/** An error whose message starts with the place. */
export function dataErrorAt(origin: Origin, message: string, cause?: unknown): DataError {
  const { file, line } = origin;
  return new DataError(`${placeOf(origin)}: ${message}`, { cause, details: { file, line } });
}
