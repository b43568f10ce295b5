/** Writes JSON lines whole or not at all. */
import { open, rename, rm } from "node:fs/promises";
import { DataError } from "@alignkit/core";
import type { TextOutput } from "./terminal/terminal.js";

export interface RowsFile {
  write(row: unknown): Promise<void>;
}

/** Characters that are gathered before they are written. */
const bufferSize = 2 ** 16;

/** A file that is yet to take its name. */
export interface NewRowsFile extends RowsFile {
  /** Gives the file its name, in place of one that has it. */
  keep(): Promise<void>;
  /** Leaves nothing. */
  discard(): Promise<void>;
}

/** @throws {DataError} when the file cannot be written */
export async function createRowsFile(path: string): Promise<NewRowsFile> {
  const temporary = `${path}.${process.pid}.tmp`;
  const handle = await open(temporary, "w").catch((cause: Error) => {
    throw new DataError(`${path}: cannot be written; ${cause.message}`, { cause });
  });
  let pending = "";
  return {
    async write(row) {
      pending += `${JSON.stringify(row)}\n`;
      if (pending.length < bufferSize) return;
      const text = pending;
      pending = "";
      await handle.appendFile(text);
    },
    async keep() {
      await handle.appendFile(pending);
      await handle.sync();
      await handle.close();
      await rename(temporary, path);
    },
    async discard() {
      await handle.close();
      await rm(temporary, { force: true });
    },
  };
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
  const file = await createRowsFile(path);
  try {
    await work(file);
    await file.keep();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** A float32 in as few digits as bring it back exactly. */
export const shortest = (value: number): number => Number(value.toPrecision(9));
