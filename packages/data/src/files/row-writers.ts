/** Rows as the text of a file. */
import { DataError } from "@alignkit/core";
import { jsonColumns } from "./csv-columns.js";
import type { JsonObject } from "./row.js";

export interface RowEncoder {
  /** @param index - from 0 */
  encode(row: JsonObject, index: number): string;
  /** What stands behind the last of `count` rows. */
  end(count: number): string;
}

/** Makes the encoder of a file by its extension. @param file - as messages name it */
export const rowEncoders: Readonly<Record<string, (file: string) => RowEncoder>> = {
  ".jsonl": jsonLines,
  ".ndjson": jsonLines,
  ".json": () => ({
    encode: (row, index) => `${index === 0 ? "[\n" : ",\n"}${JSON.stringify(row)}`,
    end: (count) => (count === 0 ? "[]\n" : "\n]\n"),
  }),
  ".csv": csv,
};

function jsonLines(): RowEncoder {
  return { encode: (row) => `${JSON.stringify(row)}\n`, end: () => "" };
}

function csv(file: string): RowEncoder {
  let columns: readonly string[] | undefined;
  const line = (cells: readonly string[]) => `${cells.map(quoted).join(",")}\n`;
  return {
    encode(row, index) {
      const head = columns === undefined ? line(Object.keys(row)) : "";
      columns ??= Object.keys(row);
      const known = columns;
      const unknown = Object.keys(row).find((name) => !known.includes(name));
      if (unknown !== undefined) {
        throw new DataError(
          `${file}: row ${index + 1} has the column "${unknown}", which row 1 lacks; write .jsonl, or rows with the same columns`,
          { details: { file } },
        );
      }
      return head + line(known.map((name) => cellOf(name, row[name])));
    },
    end: () => "",
  };
}

function cellOf(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" && !jsonColumns.has(name) ? value : JSON.stringify(value);
}

/** @see RFC 4180, section 2 */
function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
