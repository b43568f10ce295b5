/** Writes JSON lines whole or not at all. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { DataError } from "@alignkit/core";
import type { TextOutput } from "../terminal/terminal.js";

export interface RowsFile {
  write(row: unknown): Promise<void>;
}

/**
 * Runs `work` with a file that takes its name when `work` has ended; if it fails, nothing is left.
 * @param path - undefined writes to `stdout`
 * @throws {DataError} when the file cannot be written
 */
export async function writeRows(
  path: string | undefined,
  stdout: TextOutput,
  work: (file: RowsFile) => Promise<void>,
): Promise<void> {
  if (path === undefined) {
    await work({ write: async (row) => void stdout.write(`${JSON.stringify(row)}\n`) });
    return;
  }
  const temporary = `${path}.${process.pid}.tmp`;
  const stream = createWriteStream(temporary);
  const opened = await once(stream, "open").then(
    () => undefined,
    (cause: Error) => cause,
  );
  if (opened !== undefined)
    throw new DataError(`${path}: cannot be written; ${opened.message}`, { cause: opened });
  try {
    await work({
      async write(row) {
        if (!stream.write(`${JSON.stringify(row)}\n`)) await once(stream, "drain");
      },
    });
    stream.end();
    await finished(stream);
    await rename(temporary, path);
  } catch (error) {
    stream.destroy();
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A float32 in as few digits as bring it back exactly. */
export const shortest = (value: number): number => Number(value.toPrecision(9));
