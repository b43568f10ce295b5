/** Writes rows to a file or to standard output. */
import { createRowsFile } from "@alignkit/data";
import type { TextOutput } from "./terminal/terminal.js";

export interface RowsFile {
  write(row: object): Promise<void>;
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
    await work({ write: (row) => file.write({ ...row }) });
    await file.keep();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** A float32 in as few digits as bring it back exactly. */
export const shortest = (value: number): number => Number(value.toPrecision(9));
