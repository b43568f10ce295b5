import { DataError } from "@alignkit/core";

/** Where a record stands. */
export interface Origin {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** An error whose message starts with `file:line`. */
export function dataErrorAt({ file, line }: Origin, message: string, cause?: unknown): DataError {
  return new DataError(`${file}:${line}: ${message}`, { cause, details: { file, line } });
}
