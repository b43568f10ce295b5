import { ShapeMismatchError } from "./errors.js";
import { input } from "./ops/build.js";
import type { Graph, Tensor } from "./tensor.js";
import { flattenTree, mapTree, type Tree } from "./tree.js";
import type { TensorType } from "./types.js";

/** A graph with the grouping of its inputs and outputs. */
export interface Trace {
  readonly graph: Graph;
  readonly inputPaths: readonly string[];
  readonly outputPaths: readonly string[];
  /** The outputs as the function returned them. */
  readonly outputs: Tree<Tensor>;
}

/** Whether a leaf of a tree is a tensor of a graph. */
export const isTensor = (node: unknown): node is Tensor =>
  typeof node === "object" && node !== null && "operation" in node;

/** Whether a leaf of a tree is the type of a tensor. */
export const isTensorType = (node: unknown): node is TensorType =>
  typeof node === "object" &&
  node !== null &&
  "dtype" in node &&
  typeof node.dtype === "string" &&
  "shape" in node &&
  Array.isArray(node.shape);

/** Calls `body` once with tensors of the given types and keeps what it computed. */
export function trace(body: (inputs: never) => Tree<Tensor>, types: Tree<TensorType>): Trace {
  const inputs: Tensor[] = [];
  const inputPaths: string[] = [];
  const placeholders = mapTree(types, isTensorType, (type, path) => {
    const tensor = input(path, type);
    inputs.push(tensor);
    inputPaths.push(path);
    return tensor;
  });
  const outputs = body(placeholders as never);
  const leaves = flattenTree(outputs, isTensor);
  if (leaves.length === 0) throw new ShapeMismatchError("trace: the function returned no tensor");
  return {
    graph: { inputs, outputs: leaves.map(({ leaf }) => leaf) },
    inputPaths,
    outputPaths: leaves.map(({ path }) => path),
    outputs,
  };
}
