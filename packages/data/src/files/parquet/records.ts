/**
 * Rows of columns: the levels of each value tell which lists and groups around it are there.
 * @see Melnik et al. 2010, "Dremel", section 4
 */
import type { JsonObject } from "../row.js";
import type { Column } from "./column.js";
import type { SchemaNode } from "./schema.js";

/** What stands at a node in the present row. */
interface NodeReader {
  readonly read: () => unknown;
  /** The columns below; the first tells what is there, a null of each stands for what is not. */
  readonly columns: readonly Column[];
}

/** @param columns - in the order of the schema @returns what reads the next row */
export function createRecordReader(schema: SchemaNode, columns: readonly Column[]): () => JsonObject {
  const remaining = [...columns];
  const root = groupReader(schema, remaining);
  return () => {
    const row = root.read() as JsonObject;
    if (columns.some((column) => column.repetition !== 0))
      throw new Error("its columns do not agree on where a row ends");
    return row;
  };
}

function nodeReader(node: SchemaNode, remaining: Column[]): NodeReader {
  const kind = isList(node) ? listReader : isMap(node) ? mapReader : groupReader;
  const inner = node.children.length === 0 ? leafReader(remaining) : kind(node, remaining);
  if (node.repetition === "repeated") return repeated(node, inner);
  return node.repetition === "optional" && node.children.length > 0 ? optional(node, inner) : inner;
}

function leafReader(remaining: Column[]): NodeReader {
  const column = remaining.shift() as Column;
  return { read: column.take, columns: [column] };
}

function groupReader({ children }: SchemaNode, remaining: Column[]): NodeReader {
  const readers = children.map((child) => nodeReader(child, remaining));
  const names = children.map(({ name }) => name);
  return {
    read: () => Object.fromEntries(readers.map(({ read }, index) => [names[index], read()])),
    columns: readers.flatMap((reader) => reader.columns),
  };
}

function optional(node: SchemaNode, { read, columns }: NodeReader): NodeReader {
  const [first] = columns as readonly [Column];
  return {
    columns,
    read: () => (first.definition < node.definitionLevel ? absent(columns, null) : read()),
  };
}

function repeated(node: SchemaNode, { read, columns }: NodeReader): NodeReader {
  const [first] = columns as readonly [Column];
  return {
    columns,
    read() {
      if (first.definition < node.definitionLevel) return absent(columns, []);
      const values = [];
      do values.push(read());
      while (first.repetition >= node.repetitionLevel);
      return values;
    },
  };
}

function absent<Value>(columns: readonly Column[], value: Value): Value {
  for (const column of columns) column.take();
  return value;
}

/** The format's numbers for what a group means. */
const listMeaning = { converted: 3, logical: 3 };
const mapMeanings = { converted: [1, 2], logical: 2 };

function isList({ converted, logical, children }: SchemaNode): boolean {
  const isNamed = converted === listMeaning.converted || logical[listMeaning.logical] !== undefined;
  return isNamed && children.length === 1 && children[0]?.repetition === "repeated";
}

function isMap({ converted, logical, children }: SchemaNode): boolean {
  const isNamed = mapMeanings.converted.includes(converted) || logical[mapMeanings.logical] !== undefined;
  const [entries] = children;
  return (
    isNamed && children.length === 1 && entries?.repetition === "repeated" && entries.children.length === 2
  );
}

/** A list is a group of one repeated group of one: only its elements are of interest. */
function listReader({ children }: SchemaNode, remaining: Column[]): NodeReader {
  const [entries] = children as readonly [SchemaNode];
  const [element] = entries.children;
  if (element === undefined || entries.children.length > 1) return nodeReader(entries, remaining);
  return repeated(entries, nodeReader(element, remaining));
}

function mapReader({ children }: SchemaNode, remaining: Column[]): NodeReader {
  const [entries] = children as readonly [SchemaNode];
  const { read, columns } = repeated(entries, groupReader(entries, remaining));
  return {
    columns,
    read: () => Object.fromEntries((read() as object[]).map((entry) => Object.values(entry))),
  };
}
