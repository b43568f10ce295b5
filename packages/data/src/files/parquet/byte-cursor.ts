/** Whole numbers as parquet stores them. Nothing is read past the end of the bytes. */

/** A place in bytes, moved by reading. */
export interface ByteCursor {
  readonly bytes: Buffer;
  position: number;
}

/** The next bytes, not copied. @param of - what they belong to, for the message */
export function readBytes(cursor: ByteCursor, length: number, of: string): Buffer {
  const { bytes, position } = cursor;
  if (!(length >= 0 && length <= bytes.length - position))
    throw new Error(`${of} has ${bytes.length - position} bytes left where ${length} are needed`);
  cursor.position = position + length;
  return bytes.subarray(position, position + length);
}

/** A number of up to 64 bits, 7 of each byte, lowest first; exact up to 2^53. */
export function readVarint(cursor: ByteCursor, of: string): number {
  let value = 0;
  for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
    const byte = cursor.bytes[cursor.position++];
    if (byte === undefined) throw new Error(`${of} ends within a number`);
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
  throw new Error(`${of} holds a number of more than 64 bits`);
}

/** The same with all of the 64 bits. */
export function readWideVarint(cursor: ByteCursor, of: string): bigint {
  const { bytes, position } = cursor;
  readVarint(cursor, of);
  let value = 0n;
  for (let at = cursor.position - 1; at >= position; at--)
    value = (value << 7n) | BigInt((bytes[at] as number) & 127);
  return value;
}

/** 0, 1, 2, 3, 4 stand for 0, -1, 1, -2, 2. */
export function unzigzag(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}

/** @param bit - where the number starts, lowest bits first; the bytes must reach so far @param width - to 32 */
export function bitsAt(bytes: Buffer, bit: number, width: number): number {
  let value = 0;
  for (let got = 0; got < width; ) {
    const shift = (bit + got) % 8;
    const taken = Math.min(8 - shift, width - got);
    const part = ((bytes[(bit + got - shift) / 8] as number) >> shift) & ((1 << taken) - 1);
    value |= part << got;
    got += taken;
  }
  return value >>> 0;
}
