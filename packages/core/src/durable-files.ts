/** Files and directories that appear under their name only when they are complete and on the disk. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "./errors.js";

/**
 * Writes a file under a temporary name in the same folder, syncs it, and renames it to `path`.
 * On failure the temporary file is removed and whatever was at `path` stays.
 */
export async function replaceFile(path: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const { name: temporary, made: handle } = await makeTemporary(path, (name) => open(name, "wx"));
  try {
    try {
      await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** The same at once, for places that cannot wait. */
export function replaceFileSync(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.tmp-${process.pid}`;
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
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Fills a directory under a temporary name beside `path`, and renames it to `path`.
 * @param overwrite - replace what is there; the old directory goes only when the new one is complete
 * @throws {ConfigError} when `path` holds something and may not be replaced
 */
export async function replaceDirectory(
  path: string,
  overwrite: boolean,
  fill: (directory: string) => Promise<void>,
): Promise<void> {
  const target = resolve(path);
  const existing = await entries(target);
  if (existing !== null && existing.length > 0 && !overwrite) {
    throw new ConfigError(
      `${path}: is not empty; choose another directory, or allow it to be overwritten (--overwrite)`,
    );
  }
  await mkdir(dirname(target), { recursive: true });
  const { name: temporary } = await makeTemporary(target, (name) => mkdir(name));
  try {
    await fill(temporary);
    await syncDirectory(temporary);
    if (existing !== null && existing.length > 0) {
      const { name: old } = await makeTemporary(target, (name) => rename(target, name));
      try {
        await rename(temporary, target);
      } catch (error) {
        await rename(old, target);
        throw error;
      }
      await rm(old, { recursive: true });
    } else {
      if (existing !== null) {
        await rmdir(target);
      }
      await rename(temporary, target);
    }
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await syncDirectory(dirname(target));
}

/** Tries `path.tmp-<process>`, then the same with a counter, until `make` does not find the name taken. */
async function makeTemporary<Made>(
  path: string,
  make: (name: string) => Promise<Made>,
): Promise<{ readonly name: string; readonly made: Made }> {
  for (let attempt = 0; ; attempt += 1) {
    const suffix = attempt === 0 ? "" : `-${attempt}`;
    const name = join(dirname(path), `${basename(path)}.tmp-${process.pid}${suffix}`);
    try {
      return { name, made: await make(name) };
    } catch (error) {
      const taken = ["EEXIST", "ENOTEMPTY"].includes(errorCode(error) ?? "");
      if (!taken) {
        throw error;
      }
    }
  }
}

async function entries(directory: string): Promise<readonly string[] | null> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      return null;
    }
    throw error;
  }
}

/** So that a rename survives a power cut. Windows cannot open directories, and does not need it. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") {
    return;
  }
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
