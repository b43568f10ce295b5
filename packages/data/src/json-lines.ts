/**
 * Reads `.jsonl` and `.jsonl.gz` files line by line.
 *
 * Lines end at LF only, because U+2028 is allowed inside JSON strings; a CR before it is white space to JSON. A byte order
 * mark at the start and blank lines are passed over; they count as lines.
 */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "@alignkit/core";
import { dataErrorAt, type Origin } from "./origin.js";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonLine extends Origin {
  readonly value: JsonObject;
}

/** @throws {DataError} with `file:line` for a line that is no JSON object, and for gzip data that are cut short */
export async function* readJsonLines(file: string): AsyncGenerator<JsonLine> {
  let line = 0;
  for await (const bytes of readLines(file)) {
    line++;
    const text = decode(bytes, { file, line });
    if (text.trim() !== "") yield { value: parse(text, { file, line }), file, line };
  }
}

const lineFeed = 0x0a;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** The lines of a file as bytes, without LF. */
async function* readLines(file: string): AsyncGenerator<Buffer> {
  const source = createReadStream(file);
  // `pipeline` hands an error of the file on to the reader below, which throws it.
  const stream: AsyncIterable<Buffer> = file.endsWith(".gz")
    ? pipeline(source, createGunzip(), () => {})
    : source;
  let line = 1;
  let rest: Buffer[] = [];
  try {
    for await (const chunk of stream) {
      let start = 0;
      for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
        rest.push(chunk.subarray(start, end));
        yield withoutMark(Buffer.concat(rest), line++);
        rest = [];
        start = end + 1;
      }
      if (start < chunk.length) rest.push(chunk.subarray(start));
    }
  } catch (error) {
    throw readError(error, { file, line });
  }
  if (rest.length > 0) yield withoutMark(Buffer.concat(rest), line);
}

function withoutMark(bytes: Buffer, line: number): Buffer {
  return line === 1 && bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Buffer, origin: Origin): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw dataErrorAt(origin, "the line is not valid UTF-8; save the file as UTF-8", cause);
  }
}

function parse(text: string, origin: Origin): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw dataErrorAt(origin, `the line is not valid JSON (${(cause as Error).message})`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
    throw dataErrorAt(origin, `the line is ${found}; give one JSON object a line`);
  }
  return value as JsonObject;
}

/** What went wrong while reading bytes, by the error code of Node. */
const readErrors: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EISDIR: "this is a directory, not a file",
  EACCES: "the file may not be read",
};

function readError(error: unknown, origin: Origin): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const known = readErrors[code];
  if (known !== undefined)
    return new DataError(`${origin.file}: ${known}`, { cause: error, details: { file: origin.file } });
  if (code === "Z_BUF_ERROR")
    return dataErrorAt(origin, "the gzip data end here too early; the file is incomplete", error);
  if (code.startsWith("Z_")) return dataErrorAt(origin, `the gzip data are damaged (${message})`, error);
  return new DataError(`${origin.file}: ${message}`, { cause: error, details: { file: origin.file } });
}
