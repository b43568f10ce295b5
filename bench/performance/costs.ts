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
  type TensorType,
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

/** What an operation works on, at the sizes of a run. */
interface Work {
  readonly operation: Operation;
  readonly inputs: readonly TensorType[];
  readonly results: readonly TensorType[];
}

/** Bytes of the operands and results that such operations touch; others touch all of theirs. */
const touched: { readonly [K in OpName]?: (work: Work) => number } = {
  // Rows of a table, read and written.
  takeRows: ({ results }) => 2 * bytesOf(results[0]),
  spreadRows: ({ results }) => 2 * bytesOf(results[0]),
  collectRows: ({ results }) => 2 * bytesOf(results[0]),
  slice: ({ results }) => 2 * bytesOf(results[0]),
  // Rows that are added to rows of a table, which is overwritten.
  scatterAddRows: ({ inputs }) => 3 * bytesOf(inputs[2]),
  updateSlice: ({ inputs }) => 2 * bytesOf(inputs[1]),
  // The cache is read, and written at one slot a row.
  cachedAttention: ({ inputs }) => inputs.reduce((total, type) => total + bytesOf(type), 0),
};

/** Takes of rows once they are decomposed; told from those of an embedding while they are whole. */
export const toldWhole = ["spreadRows", "collectRows"] as const;

/**
 * @param graph - in the ops that the backend takes, and {@link toldWhole}
 * @param vocabulary - V, by which products and sums over the vocabulary are known
 * @param typeOf - of a tensor in a run, where the graph was traced at other sizes
 */
export function graphCosts(
  graph: Graph,
  vocabulary: number,
  typeOf: (tensor: Tensor) => TensorType = ({ type }) => type,
): Costs {
  const costs: Partial<Record<Part, Cost>> = {};
  for (const operation of topologicalOrder(graph.outputs)) {
    if (free.has(operation.op)) continue;
    const work = {
      operation,
      inputs: operation.inputs.map(typeOf),
      results: resultsOf(operation).map(typeOf),
    };
    const shapes = [...work.inputs, ...work.results].map(({ shape }) => shape);
    const part = partOf(kindOf(operation.op), shapes, vocabulary);
    const { flops, bytes } = costs[part] ?? noCost;
    costs[part] = { flops: flops + flopsOf(work), bytes: bytes + bytesTouched(work) };
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

function flopsOf({ operation: { op, attributes }, inputs, results }: Work): number {
  if (op === "matMul") {
    const { transposeA } = attributes as OpAttributes["matMul"];
    const { shape } = inputs[0] as TensorType;
    return 2 * sizeOf(results[0]?.shape ?? []) * (shape.at(transposeA ? -2 : -1) as number);
  }
  if (op !== "cachedAttention") return 0;
  // Scores and their mean of the values, over all slots of the cache.
  const [batch, , slots] = (inputs[3] as TensorType).shape as readonly [number, number, number, number];
  const width = (inputs[0] as TensorType).shape.at(-1) as number;
  return 4 * batch * slots * width;
}

function bytesTouched(work: Work): number {
  const { operation, inputs, results } = work;
  const own = touched[operation.op];
  if (own !== undefined) return own(work);
  const operands = inputs.filter((_, index) => !isBroadcast(operation.inputs[index] as Tensor));
  return [...operands, ...results].reduce((total, type) => total + bytesOf(type), 0);
}

/** Its memory is that of what is repeated. */
const isBroadcast = ({ operation: { op } }: Tensor): boolean =>
  op === "broadcastTo" || op === "fill" || op === "iota" || op === "constant";

export const bytesOf = (type: TensorType | undefined): number =>
  type === undefined ? 0 : sizeOf(type.shape) * bytesPerElement[type.dtype];
