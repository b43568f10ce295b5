/** What a parquet file holds, as a tree. */
import { integerIn, structOf, type ThriftStruct, type ThriftValue, textIn } from "./thrift.js";

/** A column or a group of columns. */
export interface SchemaNode {
  readonly name: string;
  /** Names from the root, which has none. */
  readonly path: readonly string[];
  readonly repetition: "required" | "optional" | "repeated";
  /** Entries of lists that hold this: how deep in lists a new one starts. */
  readonly repetitionLevel: number;
  /** How many of the nodes on the path, this one included, may be absent. */
  readonly definitionLevel: number;
  /** How a column is stored, by the format's number; -1 for groups. */
  readonly type: number;
  /** Bytes of a value of fixed length. */
  readonly width: number;
  readonly scale: number;
  /** What the values mean, by the format's number; -1 where it is not said. */
  readonly converted: number;
  readonly logical: ThriftStruct;
  readonly children: readonly SchemaNode[];
}

/** Nobody nests deeper, and each level takes a frame of the stack. */
const deepest = 40;

const repetitions = ["required", "optional", "repeated"] as const;

/** @param elements - the footer's list: a node, then its children, each with theirs */
export function readSchema(elements: readonly ThriftValue[]): SchemaNode {
  let index = 0;
  const read = (parent: SchemaNode | undefined): SchemaNode => {
    const element = structOf(elements[index++], "an element of the footer's schema");
    const name = textIn(element, 4, "a name in the footer's schema");
    const number = (field: number, what: string, otherwise: number) =>
      integerIn(element, field, `${what} of "${name}"`, otherwise);
    const repetition = repetitions[number(3, "the repetition", 0)];
    if (repetition === undefined) throw new Error(`"${name}" has an unknown repetition`);
    const path = parent === undefined ? [] : [...parent.path, name];
    if (path.length > deepest) throw new Error(`its columns are nested more than ${deepest} deep`);
    const children: SchemaNode[] = [];
    const node: SchemaNode = {
      name,
      path,
      repetition,
      repetitionLevel: (parent?.repetitionLevel ?? 0) + (parent && repetition === "repeated" ? 1 : 0),
      definitionLevel: (parent?.definitionLevel ?? 0) + (parent && repetition !== "required" ? 1 : 0),
      type: number(1, "the type", -1),
      width: number(2, "the length", 0),
      scale: number(7, "the scale", 0),
      converted: number(6, "the meaning", -1),
      logical: element[10] === undefined ? {} : structOf(element[10], `the meaning of "${name}"`),
      children,
    };
    const count = number(5, "the number of children", 0);
    for (let child = 0; child < count; child++) children.push(read(node));
    if (children.length === 0 && node.type < 0) throw new Error(`"${name}" is a group of no columns`);
    return node;
  };
  return read(undefined);
}

/** The columns, in the order of the file. */
export function leavesOf(node: SchemaNode): readonly SchemaNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leavesOf);
}
