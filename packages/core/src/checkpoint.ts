import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { endianness } from "node:os";
import { join } from "node:path";
import {
  type FileEntry,
  formatManifest,
  manifestName,
  readManifest,
  readTensors,
  readVerifiedText,
  stateName,
  type TensorEntry,
  writeFileDurably,
  writeTensors,
} from "./checkpoint-format.js";
import { CheckpointError } from "./errors.js";
import type { Logger } from "./logger.js";
import type { HostTensor } from "./types.js";

/** A tensor to be saved: in host memory, or anything that can be read into it, such as a device tensor. */
export type SaveableTensor = HostTensor | { read(): Promise<HostTensor> };

/** What a stage saves. */
export interface CheckpointContent {
  /** Tensors by group (`policy`, `policy-optimizer`) and name; those on a device are read one at a time. */
  readonly tensors: Readonly<Record<string, Readonly<Record<string, SaveableTensor>>>>;
  /** Everything else as plain JSON: random states, data cursor, KL controller. NaN and typed arrays are refused. */
  readonly state: unknown;
}

/** What a stage gets back. */
export interface Checkpoint {
  readonly step: number;
  readonly tensors: Readonly<Record<string, Readonly<Record<string, HostTensor>>>>;
  readonly state: unknown;
}

/** Checkpoints of one stage. */
export interface CheckpointStore {
  /**
   * Saves, then removes the oldest beyond the number kept, and those of later steps, which a resume has given up.
   * A kill at any moment leaves the earlier ones whole.
   */
  save(step: number, content: CheckpointContent): Promise<void>;
  /**
   * The newest that is whole; a damaged one is named in a warning and the one before it taken.
   * `undefined` when there is none: the stage starts from the beginning.
   */
  latest(): Promise<Checkpoint | undefined>;
}

/** Where checkpoints are kept, and how many. */
export interface CheckpointStoreOptions {
  /** Holds one folder per checkpoint, `step-40`; made when the first one is saved. */
  readonly directory: string;
  readonly logger: Logger;
  /** How many of the newest remain, 2 by default. */
  readonly keep?: number;
}

/** Names that are one file on every system. */
const groupPattern = /^[a-z0-9][a-z0-9_-]*$/;
const checkpointPattern = /^step-(\d+)$/;

/** Checkpoints of one stage in a folder; nothing is written before the first is saved. */
export function createCheckpointStore(options: CheckpointStoreOptions): CheckpointStore {
  const { directory, logger, keep = 2 } = options;
  const pathOf = (step: number) => join(directory, `step-${step}`);
  return {
    async save(step, content) {
      await mkdir(directory, { recursive: true });
      // Left by a kill while saving; the lock of the run directory says that nobody else writes here.
      for (const name of await readdir(directory)) {
        if (name.startsWith(".")) await rm(join(directory, name), { recursive: true, force: true });
      }
      const temporary = join(directory, `.step-${step}`);
      await mkdir(temporary);
      await writeCheckpoint(temporary, step, content);
      await syncDirectory(temporary);
      await rm(pathOf(step), { recursive: true, force: true });
      await rename(temporary, pathOf(step));
      await syncDirectory(directory);
      const steps = await listSteps(directory);
      const kept = new Set(steps.filter((other) => other <= step).slice(-keep));
      for (const other of steps) {
        if (!kept.has(other)) await rm(pathOf(other), { recursive: true, force: true });
      }
    },
    async latest() {
      for (const step of (await listSteps(directory)).reverse()) {
        try {
          return await readCheckpoint(pathOf(step), step);
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
          logger.warn(`checkpoint of step ${step} is not used: ${error.message}`);
        }
      }
      return undefined;
    },
  };
}

async function writeCheckpoint(directory: string, step: number, content: CheckpointContent): Promise<void> {
  if (endianness() !== "LE") throw new CheckpointError("checkpoints are little-endian; this machine is not");
  const files: Record<string, FileEntry> = {};
  const tensors: Record<string, Record<string, TensorEntry>> = {};
  for (const [group, members] of Object.entries(content.tensors)) {
    if (!groupPattern.test(group)) {
      throw new CheckpointError(`checkpoint group "${group}" must match ${groupPattern}; it names a file`);
    }
    const { file, entries } = await writeTensors(join(directory, `${group}.bin`), members);
    files[`${group}.bin`] = file;
    tensors[group] = entries;
  }
  const state = new TextEncoder().encode(`${JSON.stringify(content.state ?? null, refuseLossyJson)}\n`);
  files[stateName] = await writeFileDurably(join(directory, stateName), (append) => append(state));
  const manifest = formatManifest({ format: "alignkit-checkpoint", version: 1, step, files, tensors });
  const encoded = new TextEncoder().encode(manifest);
  await writeFileDurably(join(directory, manifestName), (append) => append(encoded));
}

async function readCheckpoint(directory: string, step: number): Promise<Checkpoint> {
  const manifest = await readManifest(directory);
  if (manifest.step !== step) {
    throw new CheckpointError(
      `${directory}: its manifest says step ${manifest.step}; the folder was renamed`,
    );
  }
  const fileOf = (name: string): FileEntry => {
    const file = manifest.files[name];
    if (file === undefined) throw new CheckpointError(`${directory}: its manifest does not name ${name}`);
    return file;
  };
  const state: unknown = JSON.parse(await readVerifiedText(join(directory, stateName), fileOf(stateName)));
  const tensors: Record<string, Record<string, HostTensor>> = {};
  for (const [group, entries] of Object.entries(manifest.tensors)) {
    const name = `${group}.bin`;
    tensors[group] = await readTensors(join(directory, name), fileOf(name), entries);
  }
  return { step, tensors, state };
}

/** Steps of the checkpoints in the folder, ascending. */
async function listSteps(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const steps = names.flatMap((name) => {
    const match = checkpointPattern.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
  return steps.sort((a, b) => a - b);
}

/** JSON would turn these into null or an object; a resume from them would differ in silence. */
function refuseLossyJson(key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new CheckpointError(`checkpoint state: "${key}" is ${value}, which JSON cannot hold`);
  }
  if (ArrayBuffer.isView(value)) {
    throw new CheckpointError(`checkpoint state: "${key}" is a typed array; put it among the tensors`);
  }
  return value;
}

/** A rename is on the disk only after its folder is; Windows has no such call and needs none. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
