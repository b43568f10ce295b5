import { DataError } from "@alignkit/core";
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import { type ColumnType, joined, schemaOf, typeOf } from "./parquet-types.js";
import type { JsonObject } from "./row.js";
import type { RowSink } from "./rows-file.js";

/** Rows of a group; so many are in memory. The types of the columns are those of the first group. */
const groupSize = 5000;

/** @param file - as messages name it */
export function createParquetRows(path: string, file: string): RowSink {
  let rows: JsonObject[] = [];
  let count = 0;
  let target: { readonly writer: ParquetWriter; readonly types: ReadonlyMap<string, ColumnType> } | undefined;

  const flush = async () => {
    const types = new Map(target?.types);
    rows.forEach((row, index) => {
      for (const [name, value] of Object.entries(row))
        types.set(name, join(types.get(name), value, name, index));
    });
    if (target === undefined) {
      const columns = [...types].flatMap(([name, type]) => schemaOf(name, type));
      const schema = [{ name: "root", num_children: types.size }, ...columns];
      target = {
        writer: new ParquetWriter({ writer: fileWriter(path), schema, createdBy: "alignkit" }),
        types,
      };
    }
    for (const [name, type] of types) {
      const first = target.types.get(name);
      if (first !== undefined && isStoredAlike(first, type)) continue;
      throw new DataError(
        `${file}: "${name}" has other values from row ${count - rows.length + 1} on than in the first ${groupSize}; write .jsonl, or sort such rows to the front`,
        { details: { file } },
      );
    }
    const columnData = [...types.keys()].map((name) => ({
      name,
      data: rows.map((row) => row[name] ?? null),
    }));
    await target.writer.write({ columnData, rowGroupSize: groupSize });
    rows = [];
  };

  const join = (before: ColumnType = absent, value: unknown, name: string, index: number): ColumnType => {
    try {
      return joined(before, typeOf(value));
    } catch (cause) {
      throw new DataError(
        `${file}: "${name}" holds ${(cause as Error).message} at row ${count - rows.length + index + 1}; parquet has one type a column, so write .jsonl or change the rows`,
        { cause, details: { file } },
      );
    }
  };

  return {
    async write(row) {
      rows.push(row);
      count++;
      if (rows.length === groupSize) await flush();
    },
    async end() {
      if (rows.length > 0) await flush();
      if (target === undefined)
        throw new DataError(`${file}: no rows, and parquet needs columns`, { details: { file } });
      await target.writer.finish();
    },
    async abort() {},
  };
}

const absent: ColumnType = { kind: "nothing" };

function isStoredAlike(a: ColumnType, b: ColumnType): boolean {
  return JSON.stringify(schemaOf("", a)) === JSON.stringify(schemaOf("", b));
}
