import type { Origin } from "../origin.js";

/** A row before it is checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A row of a data file of any kind, and where it stands. */
export interface FileRow extends Origin {
  readonly value: JsonObject;
}
