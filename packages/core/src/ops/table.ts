import type { CompositeName, OpName, PrimitiveName } from "./attributes.js";
import { composites } from "./composite.js";
import type { CompositeDefinition, PrimitiveDefinition } from "./definition.js";
import { elementwise } from "./elementwise.js";
import { indexing } from "./indexing.js";
import { inferTable } from "./infer.js";
import { products } from "./linear.js";
import { movement } from "./movement.js";
import { reductions } from "./reduce.js";

type PrimitiveTable = { readonly [K in PrimitiveName]: PrimitiveDefinition<K> };
type CompositeTable = { readonly [K in CompositeName]: CompositeDefinition<K> };

function withInfer<T extends object>(parts: T): T & { readonly [K in keyof T]: { readonly infer: unknown } } {
  const entries = Object.entries(parts).map(([op, part]) => [
    op,
    { ...part, infer: inferTable[op as OpName] },
  ]);
  return Object.fromEntries(entries);
}

/** Every op that a backend must know. A missing one does not compile. */
export const primitives: PrimitiveTable = withInfer({
  ...elementwise,
  ...reductions,
  ...movement,
  ...products,
  ...indexing,
}) as PrimitiveTable;

/** Every op that decomposes into others. */
export const compositeTable: CompositeTable = withInfer(composites) as CompositeTable;

/** Ops that every backend has. */
export const primitiveNames = Object.keys(primitives) as readonly PrimitiveName[];
/** Ops that a backend may take whole. */
export const compositeNames = Object.keys(compositeTable) as readonly CompositeName[];

/** Whether an op has a decomposition. */
export function isComposite(op: OpName): op is CompositeName {
  return op in compositeTable;
}
