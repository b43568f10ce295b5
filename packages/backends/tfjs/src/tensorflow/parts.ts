/**
 * Runs a graph of some rows as a function over parts of all rows, side by side: each part on one thread, from its first
 * operator to its last.
 */
import { int32, type Rows, type Shape, type TensorType } from "@alignkit/core";
import type { FunctionDefinition, Node } from "./saved-model-proto.js";

/** An input of a part: its share of the rows of a node, or all that the node gives. */
export interface PartInput {
  readonly name: string;
  /** The node. */
  readonly from: string;
  /** As a part sees it. */
  readonly type: TensorType;
  readonly hasRows: boolean;
}

/** A result of a part. */
export interface PartResult {
  /** The node of the part. */
  readonly from: string;
  readonly type: TensorType;
}

export interface Calling {
  readonly definition: FunctionDefinition;
  readonly nodes: readonly Node[];
  /** Nodes that give each result, with the rows of all parts. */
  readonly results: readonly string[];
}

/** The node that runs all parts. */
export const partsNode = "parts";

/** The type of all parts together. */
export const wholeType = ({ dtype, shape: [count, ...rest] }: TensorType, { parts }: Rows): TensorType => ({
  dtype,
  shape: [(count as number) * parts, ...rest],
});

/** @param nodes - of a part */
export function callInParts(
  rows: Rows,
  nodes: readonly Node[],
  inputs: readonly PartInput[],
  results: readonly PartResult[],
): Calling {
  const calling: Node[] = [];
  const reshape = (name: string, from: string, { dtype }: TensorType, shape: Shape): string => {
    const sizes = `${name}_shape`;
    const tensor = int32(shape, [shape.length]);
    calling.push(
      { name: sizes, op: "Const", inputs: [], attributes: { dtype: { type: "int32" }, value: { tensor } } },
      {
        name,
        op: "Reshape",
        inputs: [from, sizes],
        attributes: { T: { type: dtype }, Tshape: { type: "int32" } },
      },
    );
    return name;
  };
  const split = inputs.filter(({ hasRows }) => hasRows);
  const shared = inputs.filter(({ hasRows }) => !hasRows);
  const dtypes = (values: readonly { readonly type: TensorType }[]) => ({
    types: values.map(({ type }) => type.dtype),
  });
  const parts = split.map(({ name, from, type }) =>
    reshape(`all_${name}`, from, type, [rows.parts, ...type.shape]),
  );
  const definition: FunctionDefinition = {
    name: "part",
    inputs: [...split, ...shared].map(({ name, type }) => ({ name, dtype: type.dtype })),
    nodes,
    outputs: results.map(({ from, type }) => ({ from, dtype: type.dtype })),
  };
  calling.push({
    name: partsNode,
    op: "MapDefun",
    inputs: [...parts, ...shared.map(({ from }) => from)],
    attributes: {
      Targuments: dtypes(split),
      Tcaptured: dtypes(shared),
      output_types: dtypes(results),
      output_shapes: { shapes: results.map(({ type }) => type.shape) },
      f: { function: definition.name, attributes: { _executor: { string: "SINGLE_THREADED_EXECUTOR" } } },
      max_intra_op_parallelism: { int: 1 },
    },
  });
  const whole = results.map(({ type }, index) =>
    reshape(`whole_${index}`, `${partsNode}:${index}`, type, wholeType(type, rows).shape),
  );
  return { definition, nodes: calling, results: whole };
}
