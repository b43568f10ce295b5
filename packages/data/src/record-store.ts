/**
 * Records in files instead of in memory, for data larger than that: they are written once, one after the other, and read
 * by number. Only where each begins is in memory, 8 bytes a record.
 */
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { DataError } from "@alignkit/core";

/** Records by number, from 0; an array is one. */
export interface RecordList<Record> {
  readonly length: number;
  /** @returns undefined past the end */
  at(index: number): Record | undefined;
}

/** Lists of records on a disk. */
export interface RecordStore {
  /** Records that are plain values and typed arrays; each reading gives a copy of its own. */
  keep<Record>(records: AsyncIterable<Record>): Promise<RecordList<Record>>;
}

/**
 * Gives `use` a store, which is closed afterwards.
 * @param directory - on the disk that holds the records: in files without a name, whose room is free once they are closed
 */
export async function withRecordStore<Result>(
  directory: string,
  use: (store: RecordStore) => Promise<Result>,
): Promise<Result> {
  const store = createRecordStore(directory);
  try {
    return await use(store);
  } finally {
    store.close();
  }
}

/** Gathered before they are written. */
const bufferedBytes = 2 ** 22;

function createRecordStore(directory: string): RecordStore & { close(): void } {
  const descriptors: number[] = [];
  return {
    async keep(records) {
      const descriptor = openUnnamed(directory);
      descriptors.push(descriptor);
      return openList(descriptor, await writeRecords(descriptor, records, directory), directory);
    },
    close() {
      for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    },
  };
}

/** A file whose name is gone, so that nothing is left whatever becomes of the process. */
function openUnnamed(directory: string): number {
  const path = join(directory, `records-${randomUUID()}`);
  const descriptor = openSync(path, "wx+");
  rmSync(path);
  return descriptor;
}

/** @returns where each record begins, and where the last one ends, in bytes; doubles, to go on where 32 bits end */
async function writeRecords(
  descriptor: number,
  records: AsyncIterable<unknown>,
  directory: string,
): Promise<Float64Array> {
  let starts = new Float64Array(1024);
  let count = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  const flush = (): void => {
    try {
      writeFileSync(descriptor, Buffer.concat(pending));
    } catch (cause) {
      const { message } = cause as Error;
      throw new DataError(`${directory}: has no room for the tokens of the data (${message}); free some`, {
        cause,
      });
    }
    pending = [];
    pendingBytes = 0;
  };
  for await (const record of records) {
    const bytes = serialize(record);
    if (count + 2 > starts.length) {
      const larger = new Float64Array(2 * starts.length);
      larger.set(starts);
      starts = larger;
    }
    starts[count + 1] = (starts[count] as number) + bytes.length;
    count++;
    pending.push(bytes);
    pendingBytes += bytes.length;
    if (pendingBytes >= bufferedBytes) flush();
  }
  flush();
  return starts.slice(0, count + 1);
}

function openList<Record>(descriptor: number, starts: Float64Array, directory: string): RecordList<Record> {
  const length = starts.length - 1;
  return {
    length,
    at(index) {
      if (!(index >= 0 && index < length)) return undefined;
      const start = starts[index] as number;
      const bytes = Buffer.allocUnsafeSlow((starts[index + 1] as number) - start);
      for (let done = 0; done < bytes.length; ) {
        const read = readSync(descriptor, bytes, done, bytes.length - done, start + done);
        if (read === 0)
          throw new DataError(`${directory}: the tokens of the data were cut; run the stage again`);
        done += read;
      }
      return deserialize(bytes) as Record;
    },
  };
}

/** The records of a list in their order, one at a time. */
export function* eachRecord<Record>(records: RecordList<Record>): Generator<Record> {
  for (let index = 0; index < records.length; index++) yield records.at(index) as Record;
}

/** Numbers of the records, the longest first, so that neighbours are of like length. */
export function longestFirst<Record>(
  records: RecordList<Record>,
  lengthOf: (record: Record) => number,
): readonly number[] {
  const lengths = Array.from(eachRecord(records), lengthOf);
  return lengths.map((_, index) => index).sort((a, b) => (lengths[b] as number) - (lengths[a] as number));
}

/** The records of these numbers. */
export function recordsAt<Record>(
  records: RecordList<Record>,
  indices: readonly number[],
): readonly Record[] {
  return indices.map((index) => records.at(index) as Record);
}
