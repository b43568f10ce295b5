/**
 * Reads files with one JSON object a line.
 *
 * Lines end at LF only, because U+2028 is allowed inside JSON strings; a CR before it is white space to JSON. A byte order
 * mark at the start and blank lines are passed over; they count as lines.
 */
import { dataErrorAt, type Origin } from "../origin.js";
import { decodeUtf8, type ReadingPlace, readBytes, withoutMark } from "./open-file.js";
import type { FileRow, JsonObject } from "./row.js";

/** @throws {DataError} with `file:line` for a line that is no JSON object, and for gzip data that are cut short */
export async function* readJsonLines(file: string): AsyncGenerator<FileRow> {
  const place: ReadingPlace = { line: 0 };
  for await (const bytes of readLines(file, place)) {
    const origin = { file, line: place.line };
    const text = decodeUtf8(bytes, origin);
    if (text.trim() !== "") yield { value: parse(text, origin), ...origin };
  }
}

const lineFeed = 0x0a;

/** The lines of a file as bytes, without LF; `place` tells which one it is, from 1. */
async function* readLines(file: string, place: ReadingPlace): AsyncGenerator<Buffer> {
  const reached: ReadingPlace = { line: 1 };
  const line = (pieces: readonly Buffer[]) => {
    place.line = reached.line++;
    const bytes = Buffer.concat(pieces);
    return place.line === 1 ? withoutMark(bytes) : bytes;
  };
  let rest: Buffer[] = [];
  for await (const chunk of readBytes(file, reached)) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      rest.push(chunk.subarray(start, end));
      yield line(rest);
      rest = [];
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield line(rest);
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
