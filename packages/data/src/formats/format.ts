import type { Row } from "../fields.js";

/** A shape of rows: which columns it needs, and how a row of it becomes a record. */
export interface Format<Record> {
  /** As it is shown in messages. */
  readonly name: string;
  /** A row has this format when it has these columns; others may stand beside them. */
  readonly columns: readonly string[];
  parse(row: Row): Record;
}

/** What every record keeps of its row. */
export function baseOf(row: Row): { readonly origin: Row["origin"]; readonly row: Row["value"] } {
  return { origin: row.origin, row: row.value };
}
