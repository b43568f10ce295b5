/** Types of the columns of a parquet file, found from rows of JSON. */
import type { ParquetWriter } from "hyparquet-writer";

type SchemaElement = ParquetWriter["schema"][number];

/** "integer" has 32 bits. */
export type ColumnType =
  | { readonly kind: "boolean" | "integer" | "nothing" | "number" | "text" }
  | { readonly kind: "list"; readonly of: ColumnType }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, ColumnType> };

const nothing: ColumnType = { kind: "nothing" };

export function typeOf(value: unknown): ColumnType {
  if (value === null || value === undefined) return nothing;
  if (typeof value === "boolean") return { kind: "boolean" };
  if (typeof value === "number") return { kind: (value | 0) === value ? "integer" : "number" };
  if (typeof value !== "object") return { kind: "text" };
  if (Array.isArray(value)) return { kind: "list", of: value.map(typeOf).reduce(joined, nothing) };
  return {
    kind: "object",
    fields: new Map(Object.entries(value).map(([name, entry]) => [name, typeOf(entry)])),
  };
}

/** The type that holds values of both. @throws {TypeError} when there is none */
export function joined(a: ColumnType, b: ColumnType): ColumnType {
  if (a.kind === "nothing") return b;
  if (b.kind === "nothing") return a;
  if (a.kind === "list" && b.kind === "list") return { kind: "list", of: joined(a.of, b.of) };
  if (a.kind === "object" && b.kind === "object") {
    const fields = new Map(a.fields);
    for (const [name, type] of b.fields) fields.set(name, joined(fields.get(name) ?? nothing, type));
    return { kind: "object", fields };
  }
  if (a.kind === b.kind) return a;
  const isNumber = ({ kind }: ColumnType) => kind === "integer" || kind === "number";
  if (isNumber(a) && isNumber(b)) return { kind: "number" };
  throw new TypeError(`${article[a.kind]} and ${article[b.kind]}`);
}

const article: Readonly<Record<ColumnType["kind"], string>> = {
  boolean: "a boolean",
  integer: "a number",
  nothing: "nothing",
  number: "a number",
  text: "a text",
  list: "a list",
  object: "an object",
};

/** A column, its type first, then what is within it, as the format lists them. */
export function schemaOf(name: string, type: ColumnType): readonly SchemaElement[] {
  const optional = { name, repetition_type: "OPTIONAL" } as const;
  if (type.kind === "list") {
    const list: SchemaElement = { name: "list", repetition_type: "REPEATED", num_children: 1 };
    return [{ ...optional, converted_type: "LIST", num_children: 1 }, list, ...schemaOf("element", type.of)];
  }
  if (type.kind === "object") {
    const fields = [...type.fields].flatMap(([field, one]) => schemaOf(field, one));
    return [{ ...optional, num_children: type.fields.size }, ...fields];
  }
  return [{ ...optional, ...storage[type.kind] }];
}

/** A column of which nothing is known is stored as text. */
const storage: Readonly<
  Record<"boolean" | "integer" | "nothing" | "number" | "text", Partial<SchemaElement>>
> = {
  boolean: { type: "BOOLEAN" },
  integer: { type: "INT32" },
  number: { type: "DOUBLE" },
  nothing: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
};
