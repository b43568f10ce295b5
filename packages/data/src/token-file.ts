/**
 * Examples in a file instead of in memory, for data larger than that. They are appended once and read one by one; only
 * where each begins is in memory, 8 bytes an example.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@alignkit/core";

/** Rows of ids that belong to one example, such as its tokens and its labels: equally long each. */
export type TokenRows = readonly Int32Array[];

/** Rows of ids in one file, read as they are needed. */
export interface TokenFile {
  readonly length: number;
  /** @returns undefined past the end */
  at(index: number): TokenRows | undefined;
  close(): void;
}

/** Writes rows of ids, one after the other. */
export interface TokenFileWriter {
  append(rows: TokenRows): Promise<void>;
  /** Nothing can be appended any more. */
  finish(): Promise<TokenFile>;
  /** Instead of `finish`, when something failed. */
  abandon(): Promise<void>;
}

/** Values that are gathered before they are written, 4 MB. */
const bufferedValues = 1 << 20;

/**
 * @param directory - on the disk that holds the file; its name is gone once it is finished, its room when it is closed
 * @param rowCount - rows of each example
 */
export async function createTokenFile(directory: string, rowCount: number): Promise<TokenFileWriter> {
  const folder = await mkdtemp(join(directory, "tokens-"));
  const path = join(folder, "tokens");
  const handle = await open(path, "w");
  /** Where examples begin and the last one ends, in values; doubles, to go on where 32 bits end. */
  let starts = new Float64Array(1024);
  let length = 0;
  let pending: Int32Array[] = [];
  let pendingValues = 0;
  const flush = async (): Promise<void> => {
    const together = new Int32Array(pendingValues);
    let end = 0;
    for (const row of pending) {
      together.set(row, end);
      end += row.length;
    }
    await handle.writeFile(bytesOf(together));
    pending = [];
    pendingValues = 0;
  };
  return {
    async append(rows) {
      const values = rows.reduce((sum, row) => sum + row.length, 0);
      if (rows.length !== rowCount || values !== rowCount * (rows[0]?.length ?? 0)) {
        throw new RangeError(
          `${path}: ${rows.length} rows of ${values} values in all; give ${rowCount} of like length`,
        );
      }
      if (length + 2 > starts.length) {
        const larger = new Float64Array(2 * starts.length);
        larger.set(starts);
        starts = larger;
      }
      starts[length + 1] = (starts[length] as number) + values;
      length++;
      pending.push(...rows);
      pendingValues += values;
      if (pendingValues >= bufferedValues) await flush();
    },
    async finish() {
      await flush();
      await handle.close();
      const file = openTokenFile(path, starts.slice(0, length + 1), rowCount);
      await rm(folder, { recursive: true });
      return file;
    },
    async abandon() {
      await handle.close();
      await rm(folder, { recursive: true });
    },
  };
}

function openTokenFile(path: string, starts: Float64Array, rowCount: number): TokenFile {
  const descriptor = openSync(path, "r");
  const length = starts.length - 1;
  return {
    length,
    at(index) {
      if (!(index >= 0 && index < length)) return undefined;
      const start = starts[index] as number;
      const values = new Int32Array((starts[index + 1] as number) - start);
      const bytes = bytesOf(values);
      for (let done = 0; done < bytes.length; ) {
        const read = readSync(descriptor, bytes, done, bytes.length - done, 4 * start + done);
        if (read === 0) throw new DataError(`${path}: was cut while it was in use; run the stage again`);
        done += read;
      }
      const width = values.length / rowCount;
      return Array.from({ length: rowCount }, (_, row) => values.subarray(row * width, (row + 1) * width));
    },
    close: () => closeSync(descriptor),
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
