import type { CompositeName, PrimitiveName } from "@alignkit/core";
import { attention } from "./attention.js";
import { elementwise } from "./elementwise.js";
import { indexing } from "./indexing.js";
import { linear } from "./linear.js";
import type { Lower } from "./lowering.js";
import { movement } from "./movement.js";
import { reduce } from "./reduce.js";

/** Composites that ONNX Runtime has an operator for. */
export type WholeComposite =
  | "softmax"
  | "logSoftmax"
  | "layerNorm"
  | "rmsNorm"
  | "sumSquares"
  | "gelu"
  | "rotary"
  | "cachedAttention";

/** A rule for every op that may reach a model. A missing one does not compile. */
export const lowerTable: { readonly [K in Exclude<PrimitiveName, "input"> | WholeComposite]: Lower<K> } = {
  ...elementwise,
  ...reduce,
  ...movement,
  ...linear,
  ...indexing,
  ...attention,
};

export const wholeComposites: readonly (CompositeName & WholeComposite)[] = [
  "softmax",
  "logSoftmax",
  "layerNorm",
  "rmsNorm",
  "sumSquares",
  "gelu",
];
