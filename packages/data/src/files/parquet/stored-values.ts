/**
 * Values as a page stores them, one after another, by the encoding.
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */
import { type ByteCursor, readBytes } from "./byte-cursor.js";
import { narrow, readDeltas, wide } from "./delta.js";
import { readHybrid } from "./hybrid.js";
import type { SchemaNode } from "./schema.js";

/** Whole numbers of 64 bits are numbers where those hold them. */
export type StoredValue = boolean | number | bigint | Buffer;

/** Gives the next value. @throws {Error} when the page has no more */
export type NextValue = () => StoredValue;

/** The format's number of a type, and how its values stand in a row. */
const boolean = 0;
const int32 = 1;
const int64 = 2;
const fixed = 7;

const of = "a page of values";

/** @param count - values and nulls of the page */
export type ReadValues = (bytes: Buffer, column: SchemaNode, count: number) => NextValue;

function readPlain(bytes: Buffer, { type, width }: SchemaNode): NextValue {
  const cursor: ByteCursor = { bytes, position: 0 };
  if (type === boolean) {
    let bit = 0;
    return () => {
      if (bit % 8 === 0) readBytes(cursor, 1, of);
      return ((bytes[cursor.position - 1] as number) & (1 << (bit++ % 8))) !== 0;
    };
  }
  if (type === 6) return () => readBytes(cursor, readBytes(cursor, 4, of).readUInt32LE(0), of);
  const { size, read } = sized(type, width);
  return () => {
    const at = cursor.position;
    if (at + size > bytes.length) readBytes(cursor, size, of);
    cursor.position = at + size;
    return read(bytes, at);
  };
}

interface Sized {
  readonly size: number;
  readonly read: (bytes: Buffer, at: number) => StoredValue;
}

function readInt64(bytes: Buffer, at: number): number | bigint {
  const value = bytes.readInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
  return Number.isSafeInteger(value) ? value : bytes.readBigInt64LE(at);
}

const sizes: Readonly<Record<number, Sized>> = {
  [int32]: { size: 4, read: (bytes, at) => bytes.readInt32LE(at) },
  [int64]: { size: 8, read: readInt64 },
  3: { size: 12, read: (bytes, at) => bytes.subarray(at, at + 12) },
  4: { size: 4, read: (bytes, at) => bytes.readFloatLE(at) },
  5: { size: 8, read: (bytes, at) => bytes.readDoubleLE(at) },
};

function sized(type: number, width: number): Sized {
  if (type === fixed && width > 0)
    return { size: width, read: (bytes, at) => bytes.subarray(at, at + width) };
  const known = sizes[type];
  if (known === undefined) throw new Error(`${of} has the unknown type ${type}, of ${width} bytes`);
  return known;
}

/** Yes and no in runs, their bytes counted. */
function readRuns(bytes: Buffer): NextValue {
  const cursor: ByteCursor = { bytes, position: 0 };
  const next = readHybrid(readBytes(cursor, readBytes(cursor, 4, of).readUInt32LE(0), of), 1, of);
  return () => next() === 1;
}

function readDifferences(bytes: Buffer, { type }: SchemaNode, count: number): NextValue {
  const cursor: ByteCursor = { bytes, position: 0 };
  if (type === int32) return inOrder(readDeltas(cursor, narrow, count));
  const next = inOrder(readDeltas(cursor, wide, count));
  return () => {
    const value = next();
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  };
}

/** Lengths, then all the bytes. */
function readLengths(bytes: Buffer, _column: SchemaNode, count: number): NextValue {
  const cursor: ByteCursor = { bytes, position: 0 };
  const next = inOrder(readDeltas(cursor, narrow, count));
  return () => readBytes(cursor, next(), of);
}

/** How much each value shares with the one before; then lengths and bytes of what follows. */
function readPrefixed(bytes: Buffer, column: SchemaNode, count: number): NextValue {
  const cursor: ByteCursor = { bytes, position: 0 };
  const nextShared = inOrder(readDeltas(cursor, narrow, count));
  const nextRest = readLengths(bytes.subarray(cursor.position), column, count) as () => Buffer;
  let before: Buffer = Buffer.alloc(0);
  return () => {
    const shared = readBytes({ bytes: before, position: 0 }, nextShared(), "the value before");
    before = Buffer.concat([shared, nextRest()]);
    return before;
  };
}

/** First bytes of all values, then second bytes of all .. */
function readSplit(bytes: Buffer, { type, width }: SchemaNode): NextValue {
  const { size, read } = sized(type, width);
  const count = Math.floor(bytes.length / size);
  let index = 0;
  return () => {
    if (index === count) throw new Error(`${of} ends after ${count}`);
    const value = Buffer.alloc(size);
    for (let byte = 0; byte < size; byte++) value[byte] = bytes[byte * count + index] as number;
    index++;
    return read(value, 0);
  };
}

function inOrder<Value>(values: readonly Value[]): () => Value {
  let index = 0;
  return () => {
    if (index === values.length) throw new Error(`${of} ends after ${index}`);
    return values[index++] as Value;
  };
}

/** By the format's number; dictionaries are read where pages are. */
export const encodings: Readonly<Record<number, ReadValues>> = {
  0: readPlain,
  3: readRuns,
  5: readDifferences,
  6: readLengths,
  7: readPrefixed,
  9: readSplit,
};
