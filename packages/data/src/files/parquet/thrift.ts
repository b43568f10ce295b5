/**
 * Thrift's compact protocol, in which the footer and the headers of pages are written. Lists grow as their entries
 * are read: no memory is taken for the number of entries that the bytes claim.
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
import { type ByteCursor, readBytes, readVarint, unzigzag } from "./byte-cursor.js";

export type ThriftValue = boolean | number | Buffer | readonly ThriftValue[] | ThriftStruct;

/** Values by the numbers of their fields. */
export interface ThriftStruct {
  readonly [field: number]: ThriftValue | undefined;
}

/** Parquet's own structures are nested less than half as deep. */
const deepest = 24;

const empty: ThriftStruct = {};

/** @param of - what is read, for messages */
export function readStruct(cursor: ByteCursor, of: string, depth = 0): ThriftStruct {
  let struct: Record<number, ThriftValue> | undefined;
  let field = 0;
  for (;;) {
    const [head] = readBytes(cursor, 1, of) as unknown as [number];
    if (head === 0) return struct ?? empty;
    field = head >> 4 === 0 ? unzigzag(readVarint(cursor, of)) : field + (head >> 4);
    struct ??= {};
    struct[field] = readValue(cursor, head & 15, of, depth);
  }
}

function readValue(cursor: ByteCursor, kind: number, of: string, depth: number): ThriftValue {
  if (depth > deepest) throw new Error(`${of} is nested more than ${deepest} deep`);
  const read = kinds[kind];
  if (read === undefined) throw new Error(`${of} has a value of the unknown kind ${kind}`);
  return read(cursor, of, depth);
}

type ReadValue = (cursor: ByteCursor, of: string, depth: number) => ThriftValue;

const readInteger: ReadValue = (cursor, of) => unzigzag(readVarint(cursor, of));
const readList: ReadValue = (cursor, of, depth) => {
  const [head] = readBytes(cursor, 1, of) as unknown as [number];
  const length = head >> 4 === 15 ? readVarint(cursor, of) : head >> 4;
  const kind = head & 15;
  const values: ThriftValue[] = [];
  for (let index = 0; index < length; index++)
    // In a list a boolean takes a byte, in a struct it is told by its kind.
    values.push(kind <= 2 ? readBytes(cursor, 1, of)[0] === 1 : readValue(cursor, kind, of, depth + 1));
  return values;
};

/** By the number that the protocol gives each kind. */
const kinds: Readonly<Record<number, ReadValue>> = {
  1: () => true,
  2: () => false,
  3: (cursor, of) => readBytes(cursor, 1, of).readInt8(0),
  4: readInteger,
  5: readInteger,
  6: readInteger,
  7: (cursor, of) => readBytes(cursor, 8, of).readDoubleLE(0),
  8: (cursor, of) => readBytes(cursor, readVarint(cursor, of), of),
  9: readList,
  10: readList,
  12: (cursor, of, depth) => readStruct(cursor, of, depth + 1),
};

/** @throws {Error} for a field that is absent, unless there is a default, or is no whole number */
export function integerIn(struct: ThriftStruct, field: number, name: string, otherwise?: number): number {
  const value = struct[field] ?? otherwise;
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw new Error(`${name} is ${value === undefined ? "missing" : "no whole number"}`);
  return value;
}

export function textIn(struct: ThriftStruct, field: number, name: string): string {
  return textOf(struct[field], name);
}

export function textOf(value: ThriftValue | undefined, name: string): string {
  if (!Buffer.isBuffer(value)) throw new Error(`${name} is no text`);
  return value.toString();
}

export function listIn(struct: ThriftStruct, field: number, name: string): readonly ThriftValue[] {
  const value = struct[field];
  if (!Array.isArray(value)) throw new Error(`${name} is no list`);
  return value;
}

export function structOf(value: ThriftValue | undefined, name: string): ThriftStruct {
  if (typeof value !== "object" || Array.isArray(value) || Buffer.isBuffer(value))
    throw new Error(`${name} is ${value === undefined ? "missing" : "no struct"}`);
  return value as ThriftStruct;
}
