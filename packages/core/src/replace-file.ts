/** Files that are there whole, or not at all. */
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";

/** Beside the file, so that a rename puts it there at once. */
const temporaryOf = (path: string): string => `${path}.tmp-${process.pid}`;

/** Writes a file anew: after a kill or a power failure it holds what it held before, or all of `content`. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The same at once, for places that cannot wait. */
export function replaceFileSync(path: string, content: string | Uint8Array): void {
  const temporary = temporaryOf(path);
  const file = openSync(temporary, "w");
  try {
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}
