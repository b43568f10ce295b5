/** How much memory a run of a graph needs beside its inputs and outputs: an estimate from the types, before it runs. */
import type { OpName } from "./ops/attributes.js";
import { type Graph, type Operation, resultsOf, type Tensor, TensorMap, topologicalOrder } from "./tensor.js";
import { bytesPerElement, sizeOf } from "./types.js";

/** Computed where they are read, by every backend. */
const lazyOps: ReadonlySet<OpName> = new Set<OpName>(["constant", "fill", "iota", "broadcastTo"]);

/** The memory of the first operand: in another shape, or with some of it written over. */
const viewOps: ReadonlySet<OpName> = new Set<OpName>(["reshape", "barrier", "scatterAddRows", "updateSlice"]);

/** A piece of memory, and the operation that reads it last. */
interface Storage {
  readonly bytes: number;
  lastUse: number;
  /** Inputs and outputs of the graph are not counted. */
  isCounted: boolean;
}

/**
 * The most bytes that the intermediate values of a graph take at once, when each is freed after its last use and an
 * elementwise result takes over the memory of an operand that nothing reads later.
 * @param graph - in the ops that the backend takes
 */
export function intermediateBytes(graph: Graph): number {
  const order = topologicalOrder(graph.outputs);
  const storages = new TensorMap<Storage>();
  const storageOf = (tensor: Tensor): Storage => storages.get(tensor) as Storage;

  // 1. Which memory each value stands on, and how long it is needed
  for (const [index, operation] of order.entries()) {
    for (const tensor of operation.inputs) storageOf(tensor).lastUse = index;
    const isLeaf = operation.op === "input" || lazyOps.has(operation.op);
    for (const tensor of resultsOf(operation)) {
      const own = { bytes: bytesOf(tensor), lastUse: index, isCounted: !isLeaf };
      storages.set(tensor, viewOps.has(operation.op) ? storageOf(operation.inputs[0] as Tensor) : own);
    }
  }
  for (const tensor of graph.outputs) storageOf(tensor).isCounted = false;

  // 2. In order: what is alive
  let alive = 0;
  let most = 0;
  const freed = new Set<Storage>();
  for (const [index, operation] of order.entries()) {
    const operands = new Set(operation.inputs.map(storageOf));
    const ending = [...operands].filter((storage) => storage.isCounted && storage.lastUse === index);
    for (const tensor of resultsOf(operation)) {
      const storage = storageOf(tensor);
      if (viewOps.has(operation.op) || !storage.isCounted) continue;
      const reused = isElementwise(operation)
        ? ending.find((candidate) => candidate.bytes === storage.bytes && !freed.has(candidate))
        : undefined;
      if (reused === undefined) alive += storage.bytes;
      else freed.add(reused);
    }
    most = Math.max(most, alive);
    for (const storage of ending) {
      if (!freed.has(storage)) alive -= storage.bytes;
      freed.add(storage);
    }
  }
  return most;
}

const bytesOf = ({ dtype, shape }: Tensor): number => sizeOf(shape) * bytesPerElement[dtype];

/** One result, of the shape of its first operand, that is computed element by element. */
function isElementwise({ op, inputs, types }: Operation): boolean {
  const [first] = inputs;
  return (
    elementwiseOps.has(op) && first !== undefined && sizeOf(first.shape) === sizeOf(types[0]?.shape ?? [])
  );
}

const elementwiseOps: ReadonlySet<OpName> = new Set<OpName>([
  ...([
    "neg",
    "abs",
    "exp",
    "log",
    "sqrt",
    "tanh",
    "sigmoid",
    "erf",
    "sin",
    "cos",
    "not",
    "softmax",
  ] as const),
  ...(["add", "sub", "mul", "div", "maximum", "minimum", "and", "or", "select"] as const),
]);
