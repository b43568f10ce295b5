/**
 * Cuts a graph into what ONNX Runtime runs and what the host runs.
 *
 * Operations get a level: one more than that of an input wherever the side changes. All of ONNX Runtime's work of one
 * level is one model, so a gradient graph becomes one model followed by host work, and an optimizer all host work.
 */
import type { Operation, Tensor } from "@alignkit/core";
import { type HostOpName, hostTable, isHostOp } from "./host/table.js";
import { lazyOps } from "./lower/lowering.js";

export type Unit =
  | { readonly kind: "model"; readonly operations: readonly Operation[] }
  | { readonly kind: "host"; readonly operation: Operation };

type Side = "model" | "host";

/**
 * Which side computes each operation. The host takes those of its ops whose results nothing in a model reads.
 * @param order - each operation after its inputs
 */
function sidesOf(order: readonly Operation[], hostWork: boolean): ReadonlyMap<Operation, Side> {
  const sides = new Map<Operation, Side>();
  const readByModel = new Set<Operation>();
  for (const operation of order.toReversed()) {
    const mayTake = hostWork && isHostOp(operation.op);
    const side =
      mayTake && (hostTable[operation.op as HostOpName].isExclusive || !readByModel.has(operation))
        ? "host"
        : "model";
    sides.set(operation, side);
    if (side === "model") for (const tensor of operation.inputs) readByModel.add(tensor.operation);
  }
  return sides;
}

/**
 * @param order - the operations of the graph but for its inputs, each after its inputs
 * @param outputs - of the graph
 * @param hostWork - whether the host may take work; not so when tensors live on another device
 */
export function partition(
  order: readonly Operation[],
  outputs: readonly Tensor[],
  hostWork: boolean,
): readonly Unit[] {
  const sides = sidesOf(order, hostWork);
  const levels = new Map<Operation, number>();
  for (const operation of order) {
    const side = sides.get(operation);
    let level = side === "model" ? 0 : 1;
    for (const { operation: source } of operation.inputs) {
      const before = levels.get(source);
      if (before !== undefined && before > level) level = before + (before % 2 === level % 2 ? 0 : 1);
    }
    levels.set(operation, level);
  }
  const wanted = new Set(outputs.map((tensor) => tensor.operation));
  const readByHost = new Set(
    order
      .filter((operation) => sides.get(operation) === "host")
      .flatMap((operation) => operation.inputs.map((tensor) => tensor.operation)),
  );
  const units: Unit[] = [];
  const last = Math.max(0, ...levels.values());
  for (let level = 0; level <= last; level++) {
    const members = order.filter((operation) => levels.get(operation) === level);
    if (level % 2 === 1) {
      units.push(...members.map((operation): Unit => ({ kind: "host", operation })));
      continue;
    }
    // Lazy operations are emitted by their readers in the model; alone, they make a model only if someone else reads them.
    const isNeeded = (operation: Operation): boolean =>
      !lazyOps.has(operation.op) || wanted.has(operation) || readByHost.has(operation);
    const operations = members.filter(isNeeded);
    if (operations.length > 0) units.push({ kind: "model", operations });
  }
  return units;
}
