/** Unpacks the bytes of a page. */
import { brotliDecompressSync, unzipSync } from "node:zlib";
import { compressors, decompressLz4, decompressLz4Raw, decompressZstd } from "hyparquet-compressors";

/** A page has some megabyte, more in files with large pages; deflate makes at most so many bytes of one. */
const mostBytes = (packed: number) => 2 ** 22 + 1032 * packed;

type Unpack = (packed: Buffer, size: number) => Uint8Array;

/** Node's own where it has one: it stops at the size. */
const codecs: Readonly<Record<number, Unpack>> = {
  0: (packed) => packed,
  1: compressors.SNAPPY as Unpack,
  2: (packed, size) => unzipSync(packed, { maxOutputLength: size }),
  4: (packed, size) => brotliDecompressSync(packed, { maxOutputLength: size }),
  5: unpackLz4,
  6: (packed, size) => decompressZstd(packed, new Uint8Array(size)),
  7: decompressLz4Raw,
};

/** Blocks of Hadoop, with both their sizes before them, or none of that. A size below zero would lead back. */
function unpackLz4(packed: Buffer, size: number): Uint8Array {
  for (let at = 0; at + 8 < packed.length; at += 8 + packed.readInt32BE(at + 4))
    if (packed.readInt32BE(at + 4) < 0) return decompressLz4Raw(packed, size);
  return decompressLz4(packed, size);
}

/** @param size - as the page's header states it @throws {Error} when it is more than can be, or not what comes out */
export function unpack(codec: number, packed: Buffer, size: number): Buffer {
  const run = codecs[codec];
  if (run === undefined) throw new Error(`its pages have the unknown compression ${codec}`);
  if (size < 0 || size > mostBytes(packed.length))
    throw new Error(`a page of ${packed.length} bytes claims to unpack to ${size}; write smaller pages`);
  if (size === 0) return Buffer.alloc(0);
  let bytes: Uint8Array;
  try {
    bytes = run(packed, size);
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(`a page of ${packed.length} bytes does not unpack to ${size}: ${message}`, { cause });
  }
  if (bytes.length !== size) throw new Error(`a page unpacks to ${bytes.length} bytes, not ${size}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
