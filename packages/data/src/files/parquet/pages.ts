/** The pages of a column in a group of rows, each read as its values are asked for. */
import { type ByteCursor, readBytes } from "./byte-cursor.js";
import type { Chunk } from "./footer.js";
import { readHybrid, widthOf } from "./hybrid.js";
import { jsonValues, type ToJson } from "./json-values.js";
import type { SchemaNode } from "./schema.js";
import { encodings, type NextValue, type StoredValue } from "./stored-values.js";
import { integerIn, readStruct, structOf, type ThriftStruct } from "./thrift.js";
import { unpack } from "./unpack.js";

/** Each function gives what comes next; a value only where it is not null. */
export interface Page {
  /** Values and nulls. */
  readonly count: number;
  readonly repetition: () => number;
  readonly definition: () => number;
  readonly value: () => unknown;
}

/** Where levels and values stand, unpacked. */
interface Parts {
  readonly count: number;
  readonly encoding: number;
  readonly repetition: Buffer;
  readonly definition: Buffer;
  readonly values: Buffer;
}

/** The format's numbers. */
const dataPage = 0;
const dictionaryPage = 2;
const dataPageV2 = 3;
const dictionaryEncodings = [2, 8];

/** @param bytes - of the chunk */
export function* readPages(bytes: Buffer, chunk: Chunk): Generator<Page> {
  const { column } = chunk;
  const cursor: ByteCursor = { bytes, position: 0 };
  const toJson = jsonValues(column);
  let dictionary: Dictionary | undefined;
  let seen = 0;
  while (seen < chunk.values && cursor.position < bytes.length) {
    const header = readStruct(cursor, "the header of a page");
    const kind = integerIn(header, 1, "the kind of a page");
    const body = readBytes(cursor, integerIn(header, 3, "the size of a page"), "the chunk");
    if (kind === dictionaryPage) {
      const count = integerIn(
        structOf(header[7], "the header of a dictionary"),
        1,
        "the size of a dictionary",
      );
      dictionary = readDictionary(unpack(chunk.codec, body, unpackedSize(header)), column, count, toJson);
    }
    const split = splitters[kind];
    if (split === undefined) continue;
    const { count, encoding, repetition, definition, values } = split(header, body, chunk);
    if (count < 0 || seen + count > chunk.values)
      throw new Error(`it has ${chunk.values} values in its footer, and a page with ${count} after ${seen}`);
    seen += count;
    yield {
      count,
      repetition: levels(repetition, column.repetitionLevel, "the list levels"),
      definition: levels(definition, column.definitionLevel, "the null levels"),
      value: dictionaryEncodings.includes(encoding)
        ? fromDictionary(dictionary, values)
        : plainly(encoding, values, column, count, toJson),
    };
  }
}

function unpackedSize(header: ThriftStruct): number {
  return integerIn(header, 2, "the unpacked size of a page");
}

type Split = (header: ThriftStruct, body: Buffer, chunk: Chunk) => Parts;

const splitters: Readonly<Record<number, Split>> = {
  [dataPage](header, body, { codec, column }) {
    const about = structOf(header[5], "the header of a page");
    const bytes = unpack(codec, body, unpackedSize(header));
    const cursor: ByteCursor = { bytes, position: 0 };
    const part = (level: number) =>
      level === 0
        ? Buffer.alloc(0)
        : readBytes(cursor, readBytes(cursor, 4, "a page").readUInt32LE(0), "a page");
    return {
      count: integerIn(about, 1, "the number of values of a page"),
      encoding: integerIn(about, 2, "the encoding of a page"),
      repetition: part(column.repetitionLevel),
      definition: part(column.definitionLevel),
      values: bytes.subarray(cursor.position),
    };
  },
  [dataPageV2](header, body, { codec }) {
    const about = structOf(header[8], "the header of a page");
    const cursor: ByteCursor = { bytes: body, position: 0 };
    const repetition = readBytes(cursor, integerIn(about, 6, "the size of list levels"), "a page");
    const definition = readBytes(cursor, integerIn(about, 5, "the size of null levels"), "a page");
    const packed = body.subarray(cursor.position);
    return {
      count: integerIn(about, 1, "the number of values of a page"),
      encoding: integerIn(about, 4, "the encoding of a page"),
      repetition,
      definition,
      values: about[7] === false ? packed : unpack(codec, packed, unpackedSize(header) - cursor.position),
    };
  },
};

function levels(bytes: Buffer, most: number, of: string): () => number {
  if (most === 0) return () => 0;
  const next = readHybrid(bytes, widthOf(most), of);
  return () => {
    const level = next();
    if (level > most) throw new Error(`${of} hold ${level} where ${most} is the most`);
    return level;
  };
}

function plainly(
  encoding: number,
  bytes: Buffer,
  column: SchemaNode,
  count: number,
  toJson: ToJson,
): () => unknown {
  const read = encodings[encoding];
  if (read === undefined) throw new Error(`a page has the unknown encoding ${encoding}`);
  // A page of nulls has no values, not even their number.
  let next: NextValue | undefined;
  return () => {
    next ??= read(bytes, column, count);
    return toJson(next());
  };
}

/** Gives a value by its place. */
type Dictionary = (index: number) => unknown;

function readDictionary(bytes: Buffer, column: SchemaNode, count: number, toJson: ToJson): Dictionary {
  const next = (encodings[0] as (typeof encodings)[number])(bytes, column, count);
  const stored: StoredValue[] = [];
  // A value takes a bit at least: what claims more ends with the bytes.
  for (let index = 0; index < count; index++) stored.push(next());
  const values: unknown[] = [];
  return (index) => {
    const value = stored[index];
    if (value === undefined) throw new Error(`a page names entry ${index} of a dictionary of ${count}`);
    values[index] ??= toJson(value);
    return values[index];
  };
}

function fromDictionary(dictionary: Dictionary | undefined, bytes: Buffer): () => unknown {
  let next: (() => number) | undefined;
  return () => {
    if (dictionary === undefined) throw new Error("a page needs a dictionary, and there is none");
    next ??= readHybrid(
      bytes.subarray(1),
      readBytes({ bytes, position: 0 }, 1, "places in a dictionary")[0] as number,
      "places in a dictionary",
    );
    return dictionary(next());
  };
}
