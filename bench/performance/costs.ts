/** FLOPs and bytes of a graph, counted from its operations, by the part of the work that they belong to. */
import {
  bytesPerElement,
  type Graph,
  type OpAttributes,
  type Operation,
  type OpName,
  resultsOf,
  sizeOf,
  type Tensor,
  topologicalOrder,
} from "@alignkit/core";
import { type Part, partOf } from "./parts.js";

export interface Cost {
  /** Of products: two for each multiplication with its addition. */
  readonly flops: number;
  /** Read and written, each operation reading its operands from memory and writing its results there. */
  readonly bytes: number;
}

export type Costs = Partial<Readonly<Record<Part, Cost>>>;

/** Computed where they are read, or the memory of an operand in another shape. */
const free: ReadonlySet<OpName> = new Set<OpName>([
  "input",
  "constant",
  "fill",
  "iota",
  "broadcastTo",
  "reshape",
  "barrier",
  "stopGradient",
]);

/** Bytes of the operands and results that such operations touch; others touch all of theirs. */
const touched: { readonly [K in OpName]?: (operation: Operation) => number } = {
  // Rows of a table, read and written.
  takeRows: ({ types }) => 2 * bytesOfType(types[0]),
  spreadRows: ({ types }) => 2 * bytesOfType(types[0]),
  collectRows: ({ types }) => 2 * bytesOfType(types[0]),
  slice: ({ types }) => 2 * bytesOfType(types[0]),
  // Rows that are added to rows of a table, which is overwritten.
  scatterAddRows: ({ inputs }) => 3 * bytesOf(inputs[2] as Tensor),
  updateSlice: ({ inputs }) => 2 * bytesOf(inputs[1] as Tensor),
  // The cache is read, and written at one slot a row.
  cachedAttention: ({ inputs }) => inputs.reduce((total, tensor) => total + bytesOf(tensor), 0),
};

/** Takes of rows once they are decomposed; told from those of an embedding while they are whole. */
export const toldWhole = ["spreadRows", "collectRows"] as const;

/**
 * @param graph - in the ops that the backend takes, and {@link toldWhole}
 * @param vocabulary - V, by which products and sums over the vocabulary are known
 */
export function graphCosts(graph: Graph, vocabulary: number): Costs {
  const costs: Partial<Record<Part, Cost>> = {};
  for (const operation of topologicalOrder(graph.outputs)) {
    if (free.has(operation.op)) continue;
    const shapes = [...operation.inputs, ...resultsOf(operation)].map(({ shape }) => shape);
    const part = partOf(kindOf(operation.op), shapes, vocabulary);
    const { flops, bytes } = costs[part] ?? noCost;
    costs[part] = { flops: flops + flopsOf(operation), bytes: bytes + bytesTouched(operation) };
  }
  return costs;
}

export const noCost: Cost = { flops: 0, bytes: 0 };

/** @param times - how often the second is done */
export function addCosts(first: Costs, second: Costs, times = 1): Costs {
  const sum: Partial<Record<Part, Cost>> = { ...first };
  for (const [name, { flops, bytes }] of Object.entries(second) as [Part, Cost][]) {
    const before = sum[name] ?? noCost;
    sum[name] = { flops: before.flops + times * flops, bytes: before.bytes + times * bytes };
  }
  return sum;
}

const kinds: { readonly [K in OpName]?: Parameters<typeof partOf>[0] } = {
  matMul: "product",
  attention: "attention",
  cachedAttention: "attention",
  // Padding is put back for attention, and left out after it.
  spreadRows: "attention",
  collectRows: "attention",
  takeRows: "rows",
  scatterAddRows: "rows",
  adamWUpdate: "optimizer",
  sumSquares: "optimizer",
};

const kindOf = (op: OpName) => kinds[op] ?? "other";

function flopsOf({ op, inputs, types, attributes }: Operation): number {
  if (op === "matMul") {
    const { transposeA } = attributes as OpAttributes["matMul"];
    const { shape } = inputs[0] as Tensor;
    return 2 * sizeOf(types[0]?.shape ?? []) * (shape.at(transposeA ? -2 : -1) as number);
  }
  if (op !== "cachedAttention") return 0;
  // Scores and their mean of the values, over all slots of the cache.
  const [batch, , slots] = (inputs[3] as Tensor).shape as readonly [number, number, number, number];
  const width = (inputs[0] as Tensor).shape.at(-1) as number;
  return 4 * batch * slots * width;
}

function bytesTouched(operation: Operation): number {
  const own = touched[operation.op];
  if (own !== undefined) return own(operation);
  const operands = operation.inputs.filter((tensor) => !isBroadcast(tensor));
  return [...operands, ...resultsOf(operation)].reduce((total, tensor) => total + bytesOf(tensor), 0);
}

/** Its memory is that of what is repeated. */
const isBroadcast = ({ operation: { op } }: Tensor): boolean =>
  op === "broadcastTo" || op === "fill" || op === "iota" || op === "constant";

const bytesOf = ({ dtype, shape }: Tensor): number => sizeOf(shape) * bytesPerElement[dtype];
export const bytesOfType = (type: Operation["types"][number] | undefined): number =>
  type === undefined ? 0 : sizeOf(type.shape) * bytesPerElement[type.dtype];
