/** Reads `.parquet` files, one group of rows in memory at a time; the format has no lines, so that errors name rows. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { DataError } from "@alignkit/core";
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { dataErrorAt, type Origin } from "../origin.js";
import { readError } from "./open-file.js";
import type { FileRow, JsonObject } from "./row.js";

/** Equal rows take little; of more than this a byte the footer must be wrong. Memory is taken for what it says. */
const rowsPerByte = 1000n;

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
  const handle = await open(path).catch((error) => {
    throw readError(error, { file, line: 1 });
  });
  const guard = <Result>(work: Promise<Result>): Promise<Result> =>
    work.catch((cause: Error) => {
      const reason = readError(cause, { file, line: 1 });
      if (reason !== cause) throw reason;
      throw new DataError(`${file}: cannot be read as parquet; ${cause.message}`, {
        cause,
        details: { file },
      });
    });
  try {
    const { size: byteLength } = await guard(handle.stat());
    const read = async (start: number, end: number): Promise<ArrayBuffer> => {
      // Never more than the file holds, whatever its footer says.
      if (!(start >= 0 && end <= byteLength && start <= end))
        throw new Error(`it names bytes ${start} to ${end} of ${byteLength}`);
      const bytes = Buffer.alloc(end - start);
      await handle.read(bytes, 0, bytes.length, start);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    };
    const buffer: AsyncBuffer = {
      byteLength,
      slice(start, end = byteLength) {
        const bytes = read(start, end);
        // Several are asked for at once; when one fails, nobody waits for the others.
        bytes.catch(() => {});
        return bytes;
      },
    };
    const metadata = await guard(parquetMetadataAsync(buffer));
    let start = 0;
    for (const { num_rows, columns } of metadata.row_groups) {
      const values = columns.map(({ meta_data }) => meta_data?.num_values ?? 0n);
      if (num_rows < 0 || num_rows > BigInt(byteLength) * rowsPerByte || values.some((n) => n < num_rows)) {
        throw new DataError(
          `${file}: cannot be read as parquet; its footer speaks of ${num_rows} rows, of columns with ${values.join(", ")} values, in ${byteLength} bytes`,
          { details: { file } },
        );
      }
      const end = start + Number(num_rows);
      const rows = await guard(
        parquetReadObjects({ file: buffer, metadata, compressors, rowStart: start, rowEnd: end }),
      );
      for (const [index, row] of rows.entries()) {
        const origin = { file, line: start + index + 1, unit: "row" } as const;
        yield { value: jsonOf(row, origin, "") as JsonObject, ...origin };
      }
      start = end;
    }
  } finally {
    await handle.close();
  }
}

/** A value of parquet as JSON has it: whole numbers as numbers, times as texts, absent as null. */
function jsonOf(value: unknown, origin: Origin, place: string): unknown {
  if (typeof value === "bigint") {
    if (BigInt.asIntN(54, value) === value) return Number(value);
    throw dataErrorAt(origin, `"${place}" is ${value}, more than a number of JSON holds; store it as text`);
  }
  if (value === undefined || value === null) return null;
  if (typeof value !== "object") return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as ArrayLike<unknown>, (entry) => jsonOf(entry, origin, place));
  const within = place === "" ? "" : `${place}.`;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, jsonOf(entry, origin, `${within}${name}`)]),
  );
}
