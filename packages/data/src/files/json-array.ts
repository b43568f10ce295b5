/**
 * Reads `.json` files entry by entry, so that a file may be larger than memory: an array of objects, or objects one after
 * another.
 */
import { DataError } from "@alignkit/core";
import { dataErrorAt, type Origin } from "../origin.js";
import { decodeUtf8, type ReadingPlace, readBytes, withoutMark } from "./open-file.js";
import type { FileRow, JsonObject } from "./row.js";

/** @throws {DataError} with `file:line` where the JSON is broken or an entry is no object */
export async function* readJsonArray(file: string): AsyncGenerator<FileRow> {
  const place: ReadingPlace = { line: 1 };
  const scanner = createEntryScanner(file, place);
  let isFirst = true;
  for await (const chunk of readBytes(file, place)) {
    yield* scanner.scan(isFirst ? withoutMark(chunk) : chunk);
    isFirst = false;
  }
  scanner.end();
}

const code = (character: string) => character.charCodeAt(0);
const quote = code('"');
const backslash = code("\\");
const comma = code(",");
const lineFeed = code("\n");
const openBrace = code("{");
const closeBrace = code("}");
const openBracket = code("[");
const closeBracket = code("]");
const space = code(" ");

/** Where the scanner stands: before the file's first byte, between entries, within one, after the array. */
type Phase = "start" | "between" | "entry" | "end";

interface EntryScanner {
  /** Entries that end in this piece of the file. */
  scan(chunk: Buffer): Generator<FileRow>;
  /** @throws {DataError} when the file ends too early */
  end(): void;
}

function createEntryScanner(file: string, place: ReadingPlace): EntryScanner {
  let phase: Phase = "start";
  let isArray = false;
  // In an array: whether a comma has to come before the next entry, and whether an entry has to come after a comma.
  let needsComma = false;
  let needsEntry = false;
  let depth = 0;
  let isText = false;
  let isEscaped = false;
  let startLine = 1;
  let pieces: Buffer[] = [];

  const fail = (byte: number, wanted: string) => {
    const found = JSON.stringify(String.fromCharCode(byte));
    return dataErrorAt({ file, line: place.line }, `the file has ${found} where ${wanted} belongs`);
  };

  /** A byte that is no part of an entry. @returns whether an entry starts here */
  const between = (byte: number): boolean => {
    if (phase === "end") throw fail(byte, "nothing more");
    if (phase === "start" && byte === openBracket) {
      isArray = true;
      phase = "between";
      return false;
    }
    if (byte === openBrace && !needsComma) return true;
    if (isArray && byte === comma && needsComma) {
      needsComma = false;
      needsEntry = true;
      return false;
    }
    if (isArray && byte === closeBracket && !needsEntry) {
      phase = "end";
      return false;
    }
    throw fail(byte, needsComma ? '"," or "]"' : phase === "start" ? '"[" or an object' : "an object");
  };

  return {
    *scan(chunk) {
      let start = 0;
      for (let index = 0; index < chunk.length; index++) {
        const byte = chunk[index] as number;
        if (byte === lineFeed) place.line++;
        if (phase !== "entry") {
          // Space, tab, CR and LF.
          if (byte <= space || !between(byte)) continue;
          phase = "entry";
          startLine = place.line;
          start = index;
          depth = 1;
        } else if (isText) {
          if (isEscaped) isEscaped = false;
          else if (byte === backslash) isEscaped = true;
          else if (byte === quote) isText = false;
        } else if (byte === quote) {
          isText = true;
        } else if (byte === openBrace || byte === openBracket) {
          depth++;
        } else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) {
          const bytes = Buffer.concat([...pieces, chunk.subarray(start, index + 1)]);
          pieces = [];
          phase = "between";
          needsComma = isArray;
          needsEntry = false;
          yield { value: parse(bytes, { file, line: startLine }), file, line: startLine };
        }
      }
      if (phase === "entry") pieces.push(chunk.subarray(start));
    },
    end() {
      if (phase === "entry") {
        throw dataErrorAt(
          { file, line: startLine },
          "the entry that starts here does not end; the file is incomplete",
        );
      }
      if (isArray && phase !== "end")
        throw dataErrorAt({ file, line: place.line }, 'the file ends without "]"; it is incomplete');
      if (phase === "start") throw new DataError(`${file}: the file is empty`, { details: { file } });
    },
  };
}

function parse(bytes: Buffer, origin: Origin): JsonObject {
  const text = decodeUtf8(bytes, origin);
  try {
    return JSON.parse(text) as JsonObject;
  } catch (cause) {
    throw dataErrorAt(
      origin,
      `the entry that starts here is not valid JSON (${(cause as Error).message})`,
      cause,
    );
  }
}
