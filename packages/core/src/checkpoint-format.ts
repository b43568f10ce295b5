import type { Hash } from "node:crypto";
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "./errors.js";
import { createSha256 } from "./sha256.js";
import { type DType, type HostData, type HostTensor, type Shape, sizeOf } from "./types.js";

/**
 * Files of one checkpoint: `manifest.json`, `state.json`, and per group of tensors `<group>.bin`, their memory one after
 * the other, row-major, little-endian, each at a multiple of 64 bytes. The manifest names every file with its size and
 * SHA-256, every tensor with its place, and carries a SHA-256 of itself.
 */
export interface Manifest {
  readonly format: "alignkit-checkpoint";
  readonly version: 1;
  readonly step: number;
  readonly files: Readonly<Record<string, FileEntry>>;
  readonly tensors: Readonly<Record<string, Readonly<Record<string, TensorEntry>>>>;
}

export interface FileEntry {
  readonly bytes: number;
  readonly sha256: string;
}

export interface TensorEntry {
  readonly dtype: DType;
  /** Type of the elements in memory; `float64` comes from the reference backend at double precision. */
  readonly storage: StorageName;
  readonly shape: Shape;
  /** Bytes from the start of the group's file. */
  readonly offset: number;
}

const storages = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const satisfies Record<string, new (length: number) => HostData>;

type StorageName = keyof typeof storages;

const alignment = 64;
/** Bytes hashed, written or read at once; writing one chunk overlaps with hashing it. */
const chunkBytes = 16 * 2 ** 20;

export const manifestName = "manifest.json";
export const stateName = "state.json";

/** Writes tensors as they come; `read` of each is awaited in turn, so that only one of them need be in memory. */
export async function writeTensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor | { read(): Promise<HostTensor> }>>,
): Promise<{ readonly file: FileEntry; readonly entries: Record<string, TensorEntry> }> {
  const entries: Record<string, TensorEntry> = {};
  const file = await writeFileDurably(path, async (append) => {
    let offset = 0;
    for (const [name, source] of Object.entries(tensors)) {
      const { type, data } = "read" in source ? await source.read() : source;
      const length = sizeOf(type.shape);
      if (data.length !== length) {
        throw new RangeError(`checkpoint: tensor "${name}" has ${data.length} elements, its shape ${length}`);
      }
      const padding = -offset & (alignment - 1);
      if (padding > 0) await append(new Uint8Array(padding));
      offset += padding;
      entries[name] = { dtype: type.dtype, storage: storageOf(data), shape: type.shape, offset };
      await append(bytesOf(data));
      offset += data.byteLength;
    }
  });
  return { file, entries };
}

/** Creates the file, hands out `append`, and returns after the content is on the disk. */
export async function writeFileDurably(
  path: string,
  fill: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<FileEntry> {
  const handle = await open(path, "wx");
  const hash = createSha256();
  let bytes = 0;
  try {
    await fill(async (content) => {
      for (let start = 0; start < content.byteLength; start += chunkBytes) {
        const chunk = content.subarray(start, start + chunkBytes);
        const written = writeAll(handle, chunk);
        hash.update(chunk);
        await written;
      }
      bytes += content.byteLength;
    });
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

/**
 * Reads a group straight into its final arrays.
 * @throws {CheckpointError} when the file is absent, of another size, or changed
 */
export async function readTensors(
  path: string,
  file: FileEntry,
  entries: Readonly<Record<string, TensorEntry>>,
): Promise<Record<string, HostTensor>> {
  const handle = await openChecked(path, file);
  try {
    const tensors: Record<string, HostTensor> = {};
    const hash = createSha256();
    const ordered = Object.entries(entries).sort(([, a], [, b]) => a.offset - b.offset);
    let position = 0;
    for (const [name, entry] of ordered) {
      const padding = new Uint8Array(entry.offset - position);
      const data = new storages[entry.storage](sizeOf(entry.shape));
      await readInto(handle, padding, position, hash);
      await readInto(handle, bytesOf(data), entry.offset, hash);
      position = entry.offset + data.byteLength;
      tensors[name] = { type: { dtype: entry.dtype, shape: entry.shape }, data };
    }
    if (position !== file.bytes || hash.digest("hex") !== file.sha256) throw changed(path);
    return tensors;
  } finally {
    await handle.close();
  }
}

/** @throws {CheckpointError} when the file is absent, of another size, or changed */
export async function readVerifiedText(path: string, file: FileEntry): Promise<string> {
  const handle = await openChecked(path, file);
  try {
    const bytes = await handle.readFile();
    if (createSha256().update(bytes).digest("hex") !== file.sha256) throw changed(path);
    return bytes.toString("utf8");
  } finally {
    await handle.close();
  }
}

/** The manifest's text, ending in a hash of what is before it. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, sha256: hashOf(manifest) }, null, 1)}\n`;
}

/** @throws {CheckpointError} when the manifest is absent, cut short, changed, or of a later version */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = join(directory, manifestName);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CheckpointError(`${path}: cannot be read; the checkpoint is incomplete`, { cause });
  });
  let content: Manifest & { readonly sha256?: unknown };
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${path}: is not JSON; it was cut short or changed`, { cause });
  }
  if (typeof content !== "object" || content === null) throw changed(path);
  const { sha256, ...manifest } = content;
  if (manifest.format !== "alignkit-checkpoint" || manifest.version !== 1) {
    throw new CheckpointError(
      `${path}: format "${manifest.format}" version ${manifest.version} is not known; this version reads "alignkit-checkpoint" version 1`,
    );
  }
  // The hash holds the content, the comparison every other byte: a line end that is missing was cut off.
  if (sha256 !== hashOf(manifest) || text !== formatManifest(manifest)) throw changed(path);
  return manifest;
}

function hashOf(manifest: Manifest): string {
  return createSha256().update(JSON.stringify(manifest)).digest("hex");
}

async function openChecked(path: string, file: FileEntry): Promise<FileHandle> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new CheckpointError(`${path}: is missing; the checkpoint is incomplete`);
  if (found.size !== file.bytes) {
    throw new CheckpointError(
      `${path}: has ${found.size} bytes, the manifest says ${file.bytes}; it was cut short or changed`,
    );
  }
  return open(path, "r").catch((cause: unknown) => {
    throw new CheckpointError(`${path}: cannot be read; look at its permissions`, { cause });
  });
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.byteLength; ) {
    start += (await handle.write(bytes, start)).bytesWritten;
  }
}

/** Fills `target` from `position`, hashing each chunk while the next one is read. */
async function readInto(handle: FileHandle, target: Uint8Array, position: number, hash: Hash): Promise<void> {
  let unhashed = target.subarray(0, 0);
  for (let start = 0; start < target.byteLength; ) {
    const length = Math.min(chunkBytes, target.byteLength - start);
    const reading = handle.read(target, start, length, position + start);
    hash.update(unhashed);
    const { bytesRead } = await reading;
    if (bytesRead === 0) return;
    unhashed = target.subarray(start, start + bytesRead);
    start += bytesRead;
  }
  hash.update(unhashed);
}

function changed(path: string): CheckpointError {
  return new CheckpointError(`${path}: its SHA-256 is not the one that was saved; it was changed`, {
    details: { path },
  });
}

function bytesOf(data: HostData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function storageOf(data: HostData): StorageName {
  const found = (Object.keys(storages) as StorageName[]).find((name) => data instanceof storages[name]);
  if (found === undefined)
    throw new TypeError(`checkpoint: ${Object.prototype.toString.call(data)} cannot be saved`);
  return found;
}
