/** Small files of a model directory, any of which may be missing. */
import { readFile } from "node:fs/promises";
import { DataError } from "@alignkit/core";

/** @throws {DataError} when the file is there but holds no JSON object */
export async function readJsonObject(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  const bytes = await readIfThere(path);
  if (bytes === null) {
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new DataError(
      `${path}: is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(`${path}: must be a JSON object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Null when there is no such file. */
export async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isNotFound(cause)) {
      return null;
    }
    throw new DataError(
      `${path}: cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** Whether a file system call failed because nothing is there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
