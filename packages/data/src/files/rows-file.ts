/** Writes data files whole or not at all. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { DataError } from "@alignkit/core";
import { createParquetRows } from "./parquet-rows.js";
import { extensionOf } from "./read-rows.js";
import type { JsonObject } from "./row.js";
import { type RowEncoder, rowEncoders } from "./row-writers.js";

/** A file that is yet to take its name. */
export interface NewRowsFile {
  write(row: JsonObject): Promise<void>;
  /** Gives the file its name, in place of one that has it. */
  keep(): Promise<void>;
  /** Leaves nothing. */
  discard(): Promise<void>;
}

/** What becomes of rows on the way to a file. */
export interface RowSink {
  write(row: JsonObject): Promise<void>;
  end(): Promise<void>;
  abort(): Promise<void>;
}

/**
 * @param path - `.jsonl`, `.json`, `.csv`, each also with `.gz`, or `.parquet`
 * @throws {DataError} when the kind of file is unknown or the file cannot be written
 */
export async function createRowsFile(path: string): Promise<NewRowsFile> {
  const createSink = sinkOf(path);
  const temporary = `${path}.${process.pid}.tmp`;
  const unwritable = (cause: NodeJS.ErrnoException) => {
    if (cause instanceof DataError) throw cause;
    const reason =
      cause.code === "ENOENT" ? `there is no folder ${dirname(path)}; make it first` : cause.message;
    throw new DataError(`${path}: cannot be written; ${reason}`, { cause, details: { file: path } });
  };
  await (await open(temporary, "w").catch(unwritable)).close();
  const sink = createSink(temporary);
  return {
    write: (row) => sink.write(row),
    async keep() {
      await sink.end().catch(unwritable);
      const handle = await open(temporary, "r+");
      await handle.sync().finally(() => handle.close());
      await rename(temporary, path);
    },
    async discard() {
      await sink.abort();
      await rm(temporary, { force: true });
    },
  };
}

function sinkOf(path: string): (temporary: string) => RowSink {
  const extension = extensionOf(path);
  if (extension === ".parquet" && !path.endsWith(".gz"))
    return (temporary) => createParquetRows(temporary, path);
  const encoder = rowEncoders[extension];
  if (encoder !== undefined)
    return (temporary) => createTextRows(temporary, encoder(path), path.endsWith(".gz"));
  const remedy = `give ${Object.keys(rowEncoders).join(", ")}, one of them with .gz, or .parquet`;
  throw new DataError(`${path}: the kind of file cannot be written; ${remedy}`, { details: { file: path } });
}

/** Characters that are gathered before they are written. */
const bufferSize = 2 ** 16;

function createTextRows(temporary: string, encoder: RowEncoder, isPacked: boolean): RowSink {
  const output = createWriteStream(temporary);
  const packer = isPacked ? createGzip() : undefined;
  packer?.pipe(output);
  const input = packer ?? output;
  const written = finished(output);
  // Thrown by what is written next.
  written.catch(() => {});
  let pending = "";
  let count = 0;
  const flush = async () => {
    const text = pending;
    pending = "";
    if (output.errored !== null) throw output.errored;
    if (!input.write(text)) await Promise.race([once(input, "drain"), written]);
  };
  return {
    async write(row) {
      pending += encoder.encode(row, count++);
      if (pending.length >= bufferSize) await flush();
    },
    async end() {
      pending += encoder.end(count);
      await flush();
      input.end();
      await written;
    },
    async abort() {
      packer?.destroy();
      output.destroy();
      await written.catch(() => {});
    },
  };
}
