/**
 * Values of a column as JSON has them: times as texts, bytes without a meaning as numbers.
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import type { SchemaNode } from "./schema.js";
import type { StoredValue } from "./stored-values.js";
import { integerIn, structOf, type ThriftStruct } from "./thrift.js";

/** A value that JSON has no place for; its row can be named. */
export class UnfitValueError extends Error {}

export type ToJson = (value: StoredValue) => unknown;

/** @throws {Error} for a column of a kind that cannot be read */
export function jsonValues(column: SchemaNode): ToJson {
  const [meaning] = Object.keys(column.logical).map(Number);
  const make = byConverted[column.converted] ?? byLogical[meaning ?? -1] ?? byType[column.type] ?? plain;
  return make(column, column.logical[meaning ?? -1] as ThriftStruct);
}

type MakeToJson = (column: SchemaNode, meaning: ThriftStruct) => ToJson;

const text: MakeToJson = () => (value) => bytesOf(value).toString();
const json: MakeToJson = (column) => (value) => {
  const source = bytesOf(value).toString();
  try {
    return JSON.parse(source);
  } catch {
    throw unfit(column, `${source.slice(0, 40)}, which is no JSON`);
  }
};

/** @param perMilli - so many of its units are a millisecond */
const time =
  (perMilli: number): MakeToJson =>
  (column) =>
  (value) =>
    timeText(column, Math.floor(Number(value) / perMilli));

const day: MakeToJson = (column) => (value) => timeText(column, (value as number) * 86_400_000);

/** Nanoseconds of a day, then the day, from noon of 4714 BC. */
const oldTime: MakeToJson = (column) => (value) => {
  const bytes = bytesOf(value);
  const nanos = bytes.readBigInt64LE(0) / 1_000_000n;
  return timeText(column, (bytes.readInt32LE(8) - 2_440_588) * 86_400_000 + Number(nanos));
};

function timeText(column: SchemaNode, millis: number): string {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) throw unfit(column, `${millis} ms after 1970, no time of a calendar`);
  return date.toISOString();
}

const decimal: MakeToJson = (column) => {
  const factor = 10 ** -column.scale;
  return (value) => {
    if (!Buffer.isBuffer(value)) return Number(value) * factor;
    if (value.length === 0) return 0;
    return Number(BigInt.asIntN(value.length * 8, BigInt(`0x${value.toString("hex")}`))) * factor;
  };
};

const unsigned =
  (bits: number): MakeToJson =>
  (column) =>
  (value) =>
    wholeNumber(column, BigInt.asUintN(bits, BigInt(value as number | bigint)));

const signed: MakeToJson = (column) => (value) => wholeNumber(column, value);

function wholeNumber(column: SchemaNode, value: StoredValue): number {
  if (Number.isSafeInteger(Number(value))) return Number(value);
  throw unfit(column, `${value}, more than a number of JSON holds; store it as text`);
}

const half: MakeToJson = () => (value) => {
  const bits = bytesOf(value).readUInt16LE(0);
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 0) return sign * 2 ** -14 * fraction;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction);
};

const uuid: MakeToJson = () => (value) =>
  bytesOf(value)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");

const list: MakeToJson = () => (value) => [...bytesOf(value)];
const plain: MakeToJson = () => (value) => value;

const unreadable =
  (kind: string): MakeToJson =>
  () => {
    throw new Error(`it holds ${kind}, which is not read; leave the column out`);
  };

const byConverted: Readonly<Record<number, MakeToJson>> = {
  0: text,
  4: text,
  5: decimal,
  6: day,
  9: time(1),
  10: time(1000),
  13: unsigned(32),
  14: unsigned(64),
  19: json,
  20: unreadable("BSON"),
  21: unreadable("intervals"),
};

/** So many of a unit, by its field, are a millisecond. */
const timeUnits: Readonly<Record<string, number>> = { 1: 1, 2: 1000, 3: 1_000_000 };

const byLogical: Readonly<Record<number, MakeToJson>> = {
  1: text,
  4: text,
  5: decimal,
  6: day,
  8: (column, meaning) => {
    const [unit] = Object.keys(structOf(meaning[2], "the unit of a time"));
    return time(timeUnits[unit ?? ""] ?? 1)(column, meaning);
  },
  10: (column, meaning) => {
    const bits = integerIn(meaning, 1, "the bits of a number");
    return (meaning[2] === false && bits >= 32 ? unsigned(bits) : signed)(column, meaning);
  },
  12: json,
  13: unreadable("BSON"),
  14: uuid,
  15: half,
  17: unreadable("places on a map"),
  18: unreadable("places on a map"),
};

const byType: Readonly<Record<number, MakeToJson>> = { 2: signed, 3: oldTime, 6: text, 7: list };

function bytesOf(value: StoredValue): Buffer {
  if (!Buffer.isBuffer(value)) throw new Error("a column of texts or bytes is stored as numbers");
  return value;
}

function unfit({ path }: SchemaNode, what: string): UnfitValueError {
  return new UnfitValueError(`"${path.join(".")}" is ${what}`);
}
