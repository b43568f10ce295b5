/**
 * DELTA_BINARY_PACKED: whole numbers as differences, in blocks of some width.
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */
import { type ByteCursor, bitsAt, readBytes, readVarint, readWideVarint, unzigzag } from "./byte-cursor.js";

const name = "a page of differences";

/** How numbers of 32 and of 64 bits are read and added. */
interface Arithmetic<Integer> {
  readonly width: number;
  readonly zero: Integer;
  readonly signed: (cursor: ByteCursor) => Integer;
  readonly bits: (bytes: Buffer, bit: number, width: number) => Integer;
  readonly sum: (before: Integer, least: Integer, more: Integer) => Integer;
}

/** Differences of numbers of 32 bits may have one bit more, which falls off. */
export const narrow: Arithmetic<number> = {
  width: 33,
  zero: 0,
  signed: (cursor) => unzigzag(readVarint(cursor, name)),
  bits: (bytes, bit, width) => bitsAt(bytes, bit, Math.min(width, 32)),
  sum: (before, least, more) => (before + least + more) | 0,
};

export const wide: Arithmetic<bigint> = {
  width: 64,
  zero: 0n,
  signed: (cursor) => {
    const value = readWideVarint(cursor, name);
    return (value >> 1n) ^ -(value & 1n);
  },
  bits: (bytes, bit, width) =>
    width <= 32
      ? BigInt(bitsAt(bytes, bit, width))
      : (BigInt(bitsAt(bytes, bit + 32, width - 32)) << 32n) | BigInt(bitsAt(bytes, bit, 32)),
  sum: (before, least, more) => BigInt.asIntN(64, before + least + more),
};

/** @param most - values that the page has; so many may come out of a few bytes */
export function readDeltas<Integer>(
  cursor: ByteCursor,
  { width: widest, zero, signed, bits, sum }: Arithmetic<Integer>,
  most: number,
): readonly Integer[] {
  const block = readVarint(cursor, name);
  const parts = readVarint(cursor, name);
  const count = readVarint(cursor, name);
  const size = block / parts;
  if (!(Number.isSafeInteger(size) && size > 0 && size % 8 === 0 && count <= most))
    throw new Error(`${name} has ${count} values of ${most}, in blocks of ${block} in ${parts} parts`);
  let value = signed(cursor);
  const values: Integer[] = count === 0 ? [] : [value];
  while (values.length < count) {
    const least = signed(cursor);
    const widths = readBytes(cursor, parts, name);
    for (const width of widths) {
      if (values.length >= count) break;
      if (width > widest) throw new Error(`${name} has numbers of ${width} bits`);
      const packed = readBytes(cursor, (size * width) / 8, name);
      for (let index = 0; index < size && values.length < count; index++) {
        value = sum(value, least, width === 0 ? zero : bits(packed, index * width, width));
        values.push(value);
      }
    }
  }
  return values;
}
