import type { DataError } from "@alignkit/core";
import { dataErrorAt, type Origin } from "./origin.js";

/** What is done with a record of more tokens than fit. */
export type TooLong = "drop" | "error" | "truncate";

/** How many records were not taken as they are; shown to the user, since nothing is left out in silence. */
export interface TooLongCounts {
  readonly truncated: number;
  readonly dropped: number;
}

/** Records as ids, one after the other. */
export interface RecordTokenizer<Record, Tokenized> {
  /** @returns undefined of one that is dropped */
  tokenize(record: Record): Tokenized | undefined;
  /** Of all records so far. */
  counts(): TooLongCounts;
}

/** What a tokenizer makes of a stream. @param report - told in the end what did not fit */
export async function* tokenizeStream<Record, Tokenized>(
  records: AsyncIterable<Record>,
  { tokenize, counts }: RecordTokenizer<Record, Tokenized>,
  report: (counts: TooLongCounts) => void,
): AsyncGenerator<Tokenized> {
  for await (const record of records) {
    const tokenized = tokenize(record);
    if (tokenized !== undefined) yield tokenized;
  }
  report(counts());
}

/** Decides what becomes of records by their length, and counts. */
export function createLengthLimit(maximumLength: number, tooLong: TooLong = "error") {
  let truncated = 0;
  let dropped = 0;
  return {
    /** @throws {DataError} where what is too long is an error */
    judge(rows: readonly Int32Array[], origin: Origin): "drop" | "take" | "truncate" {
      const long = rows.find((row) => row.length > maximumLength);
      if (long === undefined) return "take";
      if (tooLong === "error") throw tooLongError(long, origin, maximumLength);
      if (tooLong === "drop") dropped++;
      else truncated++;
      return tooLong;
    },
    counts: (): TooLongCounts => ({ truncated, dropped }),
  };
}

function tooLongError({ length }: Int32Array, origin: Origin, maximumLength: number): DataError {
  return dataErrorAt(
    origin,
    `${length} tokens do not fit into ${maximumLength}; allow more, or choose "truncate" or "drop" for what is too long`,
  );
}
