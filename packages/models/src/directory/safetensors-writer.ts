import type { FileHandle } from "node:fs/promises";
import { DataError, replaceFile } from "@alignkit/core";
import {
  dtypeNames,
  type SafetensorsTensor,
  type SixteenBitFormat,
  safetensorsDtypes,
} from "./safetensors-dtypes.js";
import { lengthBytes, maximumHeaderBytes } from "./safetensors-header.js";

/** Larger writes are split. */
const writeBytes = 2 ** 28;

/** 16-bit values are narrowed in pieces of this many. */
const narrowValues = 2 ** 18;

type NamedTensor = readonly [name: string, tensor: SafetensorsTensor];

/**
 * Writes a safetensors file as the reference library does, byte for byte: largest dtypes first, then by name; header
 * padded with spaces to a multiple of 8. Values go from their arrays to the file without a copy (16-bit floats are
 * narrowed in pieces, rounding to even). The file appears under its name only when it is complete and on the disk.
 * @param metadata - `{ format: "pt" }` is what transformers expects of weights
 * @throws {DataError} when data and shape of a tensor do not agree, or a name cannot be written
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  const sorted = [...tensors].sort(inFileOrder);
  const header = encodeHeader(path, sorted, metadata);
  await replaceFile(path, async (handle) => {
    await writeFully(handle, header);
    for (const [, tensor] of sorted) {
      const { format } = safetensorsDtypes[tensor.dtype];
      if (format === undefined) {
        const { buffer, byteOffset, byteLength } = tensor.data;
        await writeFully(handle, new Uint8Array(buffer, byteOffset, byteLength));
      } else {
        await writeNarrowed(handle, tensor.data as Float32Array, format);
      }
    }
  });
}

function inFileOrder([nameA, a]: NamedTensor, [nameB, b]: NamedTensor): number {
  const byDtype = dtypeNames.indexOf(b.dtype) - dtypeNames.indexOf(a.dtype);
  return byDtype !== 0 ? byDtype : Buffer.compare(Buffer.from(nameA), Buffer.from(nameB));
}

function encodeHeader(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const fields = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  for (const [name, { dtype, shape, data }] of tensors) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (count !== data.length) {
      throw new DataError(
        `${path}: tensor ${JSON.stringify(name)}: shape [${shape.join(", ")}] has ${count} values, but its data has ${data.length}`,
      );
    }
    if (name === "__metadata__" || /\p{Surrogate}/u.test(name)) {
      throw new DataError(`${path}: ${JSON.stringify(name)} cannot be the name of a tensor`);
    }
    const end = offset + count * safetensorsDtypes[dtype].bytes;
    fields.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  const json = Buffer.from(`{${fields.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maximumHeaderBytes) {
    throw new DataError(
      `${path}: a header of ${length} bytes is over the format's limit of ${maximumHeaderBytes}`,
    );
  }
  const header = Buffer.alloc(lengthBytes + length, " ");
  header.writeBigUInt64LE(BigInt(length));
  json.copy(header, lengthBytes);
  return header;
}

async function writeNarrowed(
  handle: FileHandle,
  values: Float32Array,
  format: SixteenBitFormat,
): Promise<void> {
  const piece = new Uint16Array(Math.min(values.length, narrowValues));
  for (let done = 0; done < values.length; done += piece.length) {
    const part = values.subarray(done, done + piece.length);
    const bits = piece.subarray(0, part.length);
    format.narrow(part, bits);
    await writeFully(handle, new Uint8Array(bits.buffer, 0, bits.byteLength));
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const wanted = Math.min(writeBytes, bytes.length - done);
    const { bytesWritten } = await handle.write(bytes, done, wanted);
    done += bytesWritten;
  }
}
