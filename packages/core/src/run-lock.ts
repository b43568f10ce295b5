import { existsSync, readFileSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "./errors.js";
import type { Logger } from "./logger.js";

/** Who writes a run directory. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one that got the same number; empty where the system does not say. */
  readonly started: string;
}

/** Milliseconds in which a lock that was just made is surely written. */
const settlingTime = 200;

/**
 * Holds `path` so that no two processes write one run; a lock whose process has gone is taken over with a warning.
 * @returns what gives the lock back
 * @throws {ConfigError} when another process holds it
 */
export async function acquireLock(path: string, logger: Logger): Promise<() => Promise<void>> {
  const self: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  for (;;) {
    try {
      const handle = await open(path, "wx");
      await handle.writeFile(JSON.stringify(self));
      await handle.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    let holder = await readHolder(path);
    if (holder === undefined) {
      // Made a moment ago and not written yet, perhaps, or given back since.
      await sleep(settlingTime);
      holder = await readHolder(path);
    }
    if (!existsSync(path)) continue;
    if (holder === undefined || isGone(holder)) {
      logger.warn(`the last process of this run ended without giving back ${path}; taking it over`);
      await rm(path, { force: true });
      continue;
    }
    throw new ConfigError(
      `${path}: process ${holder.pid} on ${holder.host} writes this run; wait for it, or delete the file if it is gone`,
      { details: { path, ...holder } },
    );
  }
}

/** `undefined` when the file is gone, empty or cut short. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

/** Only known of processes on this machine. */
function isGone(holder: Holder): boolean {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  return holder.started !== startOf(holder.pid);
}

/** Start of a process in ticks since boot: field 22 of `/proc/<pid>/stat`, which Linux has. */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
