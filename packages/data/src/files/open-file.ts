/** Bytes of a file, unpacked where its name ends in `.gz`. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "@alignkit/core";
import { dataErrorAt, type Origin } from "../origin.js";

/** Where reading has come to, for the message of an error. */
export interface ReadingPlace {
  line: number;
}

/**
 * @param place - its `line` is named when the bytes end too early; the caller keeps it up to date
 * @throws {DataError} when the file cannot be read, and with `file:line` for gzip data that are cut short or damaged
 */
export async function* readBytes(file: string, place: ReadingPlace): AsyncGenerator<Buffer> {
  const source = createReadStream(file);
  // `pipeline` hands an error of the file on to the reader below, which throws it.
  const stream: AsyncIterable<Buffer> = file.endsWith(".gz")
    ? pipeline(source, createGunzip(), () => {})
    : source;
  try {
    for await (const chunk of stream) yield chunk;
  } catch (error) {
    throw readError(error, { file, line: place.line });
  }
}

/** What went wrong while reading bytes, by the error code of Node. */
const readErrors: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EISDIR: "this is a directory, not a file",
  EACCES: "the file may not be read",
};

/** An error of Node as one of ours, naming the file; others as they are. */
export function readError(error: unknown, origin: Origin): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (typeof code !== "string") return error;
  const known = readErrors[code];
  if (known !== undefined)
    return new DataError(`${origin.file}: ${known}`, { cause: error, details: { file: origin.file } });
  if (code === "Z_BUF_ERROR")
    return dataErrorAt(origin, "the gzip data end here too early; the file is incomplete", error);
  if (code.startsWith("Z_")) return dataErrorAt(origin, `the gzip data are damaged (${message})`, error);
  return new DataError(`${origin.file}: ${message}`, { cause: error, details: { file: origin.file } });
}

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** The first bytes of a file without the mark that some editors put there. */
export function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws {DataError} naming file and line for bytes that are no UTF-8 */
export function decodeUtf8(bytes: Uint8Array, origin: Origin): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw dataErrorAt(origin, "the line is not valid UTF-8; save the file as UTF-8", cause);
  }
}
