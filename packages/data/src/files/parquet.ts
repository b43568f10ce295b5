/**
 * Reads `.parquet` files, a page of each column in memory at a time besides the packed bytes of a group of rows; the
 * format has no lines, so that errors name rows. No number of the file is believed before it is checked.
 */
import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { DataError } from "@alignkit/core";
import { dataErrorAt, placeOf } from "../origin.js";
import { readError } from "./open-file.js";
import { createColumn } from "./parquet/column.js";
import { type ReadRange, type RowGroup, readFooter } from "./parquet/footer.js";
import { UnfitValueError } from "./parquet/json-values.js";
import { readPages } from "./parquet/pages.js";
import { createRecordReader } from "./parquet/records.js";
import type { SchemaNode } from "./parquet/schema.js";
import type { FileRow, JsonObject } from "./row.js";

/** @throws {DataError} naming file and row for what is no parquet, is cut short, or holds a number that JSON cannot */
export async function* readParquet(file: string): AsyncGenerator<FileRow> {
  if (!file.endsWith(".gz")) {
    yield* readUnpacked(file, file);
    return;
  }
  // Parquet is read from its end, gzip from its start: unpacked first, to a file, since it may be larger than memory.
  const directory = await mkdtemp(join(tmpdir(), "alignkit-parquet-"));
  try {
    const unpacked = join(directory, basename(file, ".gz"));
    await pipeline(createReadStream(file), createGunzip(), createWriteStream(unpacked)).catch((error) => {
      throw readError(error, { file, line: 1 });
    });
    yield* readUnpacked(unpacked, file);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** @param file - as messages name it */
async function* readUnpacked(path: string, file: string): AsyncGenerator<FileRow> {
  const ofFile = (error: unknown) => {
    throw readError(error, { file, line: 1 });
  };
  const handle = (await open(path).catch(ofFile)) as FileHandle;
  let line = 0;
  try {
    const { size } = (await handle.stat().catch(ofFile)) as Stats;
    const read: ReadRange = (start, end) => readRange(handle, start, end).catch(ofFile) as Promise<Buffer>;
    const { schema, groups } = await readFooter(read, size);
    for (const group of groups) {
      const nextRow = await openGroup(read, schema, group);
      for (let index = 0; index < group.rows; index++) {
        line++;
        yield { value: nextRow(), file, line, unit: "row" };
      }
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    if (cause instanceof UnfitValueError)
      throw dataErrorAt({ file, line, unit: "row" }, cause.message, cause);
    const place = line === 0 ? file : placeOf({ file, line, unit: "row" });
    const { message } = cause as Error;
    throw new DataError(
      `${place}: cannot be read as parquet; ${message} (if the file is damaged, fetch or write it again)`,
      { cause, details: { file } },
    );
  } finally {
    await handle.close();
  }
}

/** The bytes from `start` to `end`, of which the file has so many. */
async function readRange(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  for (let filled = 0; filled < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw new Error("the file became shorter while it was read");
    filled += bytesRead;
  }
  return bytes;
}

async function openGroup(
  read: ReadRange,
  schema: SchemaNode,
  { chunks }: RowGroup,
): Promise<() => JsonObject> {
  const columns = [];
  for (const chunk of chunks) {
    const bytes = await read(chunk.start, chunk.start + chunk.length);
    columns.push(createColumn(readPages(bytes, chunk), chunk.column));
  }
  return createRecordReader(schema, columns);
}
