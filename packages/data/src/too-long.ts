import type { DataError } from "@alignkit/core";
import { dataErrorAt, type Origin } from "./origin.js";

/** What is done with a record of more tokens than fit. */
export type TooLong = "drop" | "error" | "truncate";

/** How many records were not taken as they are; shown to the user, since nothing is left out in silence. */
export interface TooLongCounts {
  readonly truncated: number;
  readonly dropped: number;
}

export function tooLongError(
  { inputIds, origin }: { readonly inputIds: Int32Array; readonly origin: Origin },
  maximumLength: number,
): DataError {
  return dataErrorAt(
    origin,
    `${inputIds.length} tokens do not fit into ${maximumLength}; allow more, or choose "truncate" or "drop" for what is too long`,
  );
}
