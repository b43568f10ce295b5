/**
 * Parquet's small numbers (levels and places in a dictionary): runs of one number, or of numbers packed into bits.
 * A run is not spread out in memory: it is counted down.
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */
import { type ByteCursor, bitsAt, readBytes, readVarint } from "./byte-cursor.js";

/** @param width - bits of a number @param of - what they are, for messages */
export function readHybrid(bytes: Buffer, width: number, of: string): () => number {
  if (width === 0) return () => 0;
  if (width > 32) throw new Error(`${of} has numbers of ${width} bits`);
  const cursor: ByteCursor = { bytes, position: 0 };
  let left = 0;
  let value = 0;
  // Where the next packed number starts; -1 within a run of one number.
  let bit = -1;
  const startRun = () => {
    const head = readVarint(cursor, of);
    if (head % 2 === 0) {
      left = head / 2;
      bit = -1;
      const stored = readBytes(cursor, Math.ceil(width / 8), of);
      value = stored.readUIntLE(0, stored.length);
      return;
    }
    // Some writers leave out the last bytes when no number needs them.
    const rest = bytes.length - cursor.position;
    const count = ((head - 1) / 2) * 8;
    left = Math.min(count, Math.floor((rest * 8) / width));
    if (left === 0 && count > 0) throw new Error(`${of} ends within a run`);
    bit = cursor.position * 8;
    cursor.position += Math.min(rest, (count / 8) * width);
  };
  return () => {
    while (left === 0) startRun();
    left--;
    if (bit < 0) return value;
    bit += width;
    return bitsAt(bytes, bit - width, width);
  };
}

/** Bits that hold numbers from 0 to this one. */
export function widthOf(most: number): number {
  return 32 - Math.clz32(most);
}
