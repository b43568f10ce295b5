import type { CompositeName, OpName, PrimitiveName } from "@alignkit/core";
import { attention } from "./attention.js";
import { elementwise } from "./elementwise.js";
import { indexing } from "./indexing.js";
import { linear } from "./linear.js";
import type { Lower } from "./lowering.js";
import { movement } from "./movement.js";
import { norms } from "./norms.js";
import { optimizer } from "./optimizer.js";
import { reduce } from "./reduce.js";

/** Composites that TensorFlow has an operator for or fewer than their decomposition, or that write over what they are given. */
export const wholeComposites = [
  "softmax",
  "logSoftmax",
  "linear",
  "sumSquares",
  "layerNorm",
  "rmsNorm",
  "adamWUpdate",
  "cachedAttention",
] as const satisfies readonly CompositeName[];

/** A rule for every op that may reach a graph. A missing one does not compile. */
export const lowerTable: {
  readonly [K in Exclude<PrimitiveName, "input"> | (typeof wholeComposites)[number]]: Lower<K>;
} = { ...elementwise, ...reduce, ...movement, ...linear, ...indexing, ...attention, ...norms, ...optimizer };

export interface Overwrites {
  /** The input that each result is written over, by result. */
  readonly inputs: readonly (number | undefined)[];
  /** Whether it writes into memory that others hold too, instead of into a copy then. */
  readonly ignoresReaders: boolean;
}

/** Ops whose rule writes over an input, where that is a variable. */
export const overwrites: Readonly<Partial<Record<OpName, Overwrites>>> = {
  adamWUpdate: { inputs: [0, 2, 3], ignoresReaders: false },
  cachedAttention: { inputs: [undefined, 3, 4], ignoresReaders: true },
};
