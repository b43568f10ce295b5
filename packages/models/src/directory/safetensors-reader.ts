import { type FileHandle, open } from "node:fs/promises";
import { DataError, type FileRegion } from "@alignkit/core";
import {
  type SafetensorsArrays,
  type SafetensorsDtype,
  type SafetensorsTensor,
  type SixteenBitFormat,
  safetensorsDtypes,
} from "./safetensors-dtypes.js";
import {
  headerLength,
  lengthBytes,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  type TensorEntry,
} from "./safetensors-header.js";

/** An open file whose header has been checked; tensors are read on demand. */
export interface SafetensorsFile extends SafetensorsHeader {
  readonly path: string;
  /**
   * Reads one tensor, straight into the array that is returned.
   * @throws {DataError} when there is no such tensor, or the file was cut after it was opened
   */
  readonly read: (name: string) => Promise<SafetensorsTensor>;
  /**
   * Reads one floating-point tensor as float32 into memory that is there already.
   * @throws {DataError} as `read`
   */
  readonly readFloats: (name: string, target: Float32Array) => Promise<void>;
  /** Where a float32 tensor lies in the file; undefined of one that must be converted. */
  readonly regionOf: (name: string) => FileRegion | undefined;
  readonly close: () => Promise<void>;
}

/** All of a file. */
export interface SafetensorsContents {
  readonly metadata: ReadonlyMap<string, string> | null;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/** Larger reads are split; the system's own limit is 2^31 - 1 bytes. */
const readBytes = 2 ** 28;

/** 16-bit values are widened in pieces of this many. */
const widenValues = 2 ** 18;

/**
 * Opens a safetensors file and checks its header completely. The caller closes it.
 * @throws {DataError} naming file and tensor when any rule of the format is broken
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await openForReading(path);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      throw new DataError(`${path}: is not a file`);
    }
    const start = new Uint8Array(Math.min(stat.size, 32));
    await readFully(path, handle, start, 0);
    const header = new Uint8Array(headerLength(path, start, stat.size));
    await readFully(path, handle, header, lengthBytes);
    const { metadata, tensors } = parseSafetensorsHeader(
      path,
      header,
      stat.size - lengthBytes - header.length,
    );
    const entryOf = (name: string): TensorEntry => {
      const entry = tensors.get(name);
      if (entry === undefined) throw new DataError(`${path}: has no tensor ${JSON.stringify(name)}`);
      return entry;
    };
    return {
      path,
      metadata,
      tensors,
      async read(name) {
        const entry = entryOf(name);
        return readTensor(path, handle, entry, entry.dtype);
      },
      async readFloats(name, target) {
        const entry = entryOf(name);
        const { format } = safetensorsDtypes[entry.dtype];
        if (format !== undefined) {
          await readWidened(path, handle, target, entry.byteOffset, format);
        } else if (entry.dtype === "F32") {
          const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
          await readFully(path, handle, bytes, entry.byteOffset);
        } else {
          const { data } = await readTensor(path, handle, entry, entry.dtype);
          target.set(data as Float64Array);
        }
      },
      regionOf(name) {
        const { dtype, byteOffset } = entryOf(name);
        return dtype === "F32" ? { descriptor: handle.fd, byteOffset } : undefined;
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Reads a whole safetensors file; each tensor goes straight into its final array.
 * @throws {DataError} as {@link openSafetensors}
 */
export async function readSafetensors(path: string): Promise<SafetensorsContents> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, SafetensorsTensor>();
    for (const name of file.tensors.keys()) {
      tensors.set(name, await file.read(name));
    }
    return { metadata: file.metadata, tensors };
  } finally {
    await file.close();
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    throw new DataError(
      `${path}: cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

async function readTensor<Dtype extends SafetensorsDtype>(
  path: string,
  handle: FileHandle,
  entry: TensorEntry,
  dtype: Dtype,
): Promise<SafetensorsTensor> {
  const definition = safetensorsDtypes[dtype];
  const data: SafetensorsArrays[Dtype] = definition.allocate(entry.byteLength / definition.bytes);
  if (definition.format === undefined) {
    await readFully(path, handle, new Uint8Array(data.buffer), entry.byteOffset);
  } else {
    await readWidened(path, handle, data as Float32Array, entry.byteOffset, definition.format);
  }
  return { dtype, shape: entry.shape, data } as SafetensorsTensor;
}

async function readWidened(
  path: string,
  handle: FileHandle,
  result: Float32Array,
  byteOffset: number,
  format: SixteenBitFormat,
): Promise<void> {
  const piece = new Uint16Array(Math.min(result.length, widenValues));
  for (let done = 0; done < result.length; done += piece.length) {
    const count = Math.min(piece.length, result.length - done);
    const bits = piece.subarray(0, count);
    await readFully(path, handle, new Uint8Array(bits.buffer, 0, 2 * count), byteOffset + 2 * done);
    format.widen(bits, result.subarray(done, done + count));
  }
}

async function readFully(
  path: string,
  handle: FileHandle,
  target: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const wanted = Math.min(readBytes, target.length - done);
    const { bytesRead } = await handle.read(target, done, wanted, position + done);
    if (bytesRead === 0) {
      throw new DataError(
        `${path}: truncated: it ends at byte ${position + done} while being read; another program may be writing it, read it when that is done`,
      );
    }
    done += bytesRead;
  }
}
