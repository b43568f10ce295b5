/** Which inputs of a graph are ids, for backends that check them before a run: their engines compute with any. */
import { type Operation, resultsOf, type Tensor } from "../tensor.js";
import type { OpName } from "./attributes.js";

/** Ids that are given to a graph. */
export interface IdInput {
  readonly op: OpName;
  /** Position among the inputs of the graph. */
  readonly input: number;
  /** They point into this axis of this tensor; from the last axis on where negative. */
  readonly table: Tensor;
  readonly axis: number;
}

interface IdRule {
  /** The input of the operation that holds ids. */
  readonly ids: number;
  /** The one that they point into; its result unless given. */
  readonly table?: number;
  readonly axis: number;
}

const idRules: Readonly<Partial<Record<OpName, IdRule>>> = {
  takeRows: { ids: 1, table: 0, axis: 0 },
  scatterAddRows: { ids: 1, table: 0, axis: 0 },
  takeAlongLast: { ids: 1, table: 0, axis: -1 },
  scatterAlongLast: { ids: 1, axis: -1 },
  cachedAttention: { ids: 5, table: 3, axis: 2 },
};

/**
 * Reshaped inputs count; ids that are computed are the engine's affair.
 * @param operations - of the graph
 * @param inputs - of the graph
 */
export function findIdInputs(
  operations: readonly Operation[],
  inputs: readonly Tensor[],
): readonly IdInput[] {
  return operations.flatMap((operation) => {
    const rule = idRules[operation.op];
    if (rule === undefined) return [];
    let ids = operation.inputs[rule.ids] as Tensor;
    while (ids.operation.op === "reshape") ids = ids.operation.inputs[0] as Tensor;
    const input = inputs.findIndex((tensor) => tensor.operation === ids.operation);
    const table = rule.table === undefined ? resultsOf(operation)[0] : operation.inputs[rule.table];
    return input < 0 ? [] : [{ op: operation.op, input, table: table as Tensor, axis: rule.axis }];
  });
}
