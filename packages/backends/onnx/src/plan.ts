/** Compiles a graph into steps: models for ONNX Runtime and kernels of the host. */
import {
  BackendError,
  countUses,
  findIdInputs,
  type Graph,
  type Operation,
  type OpName,
  resultsOf,
  type Tensor,
  TensorMap,
  topologicalOrder,
} from "@alignkit/core";
import { createSizeReader, fixedSizes, type Size, type SizeReader } from "./dimensions.js";
import type { HostOpName } from "./host/table.js";
import { overwrites } from "./lower/attention.js";
import { findFusions } from "./lower/fusions.js";
import { type LoweredModel, lower, type Rows } from "./lower/lowering.js";
import { portableTable } from "./lower/portable.js";
import { lowerTable } from "./lower/table.js";
import { partition, type Unit } from "./partition.js";

/** A value of the run: its place, and its type with sizes that may be free. */
export interface Slot {
  readonly index: number;
  readonly tensor: Tensor;
  readonly shape: readonly Size[];
}

interface StepSlots {
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Slots that nothing reads after this step and that are no outputs of the graph. */
  readonly lastUses: ReadonlySet<Slot>;
}

/** What one output of a model is written to: a slot, or some of its rows. */
export interface OutputPart {
  readonly slot: Slot;
  readonly rows: Rows | undefined;
}

export type Step =
  | (StepSlots & {
      readonly kind: "model";
      readonly lowered: LoweredModel;
      readonly parts: readonly OutputPart[];
      /** Outputs that may lie in the memory of an input, if that is free after this step. */
      readonly overwrites: ReadonlyMap<Slot, Slot>;
    })
  | (StepSlots & { readonly kind: "host"; readonly operation: Operation<HostOpName> });

export interface Plan {
  readonly steps: readonly Step[];
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly sizes: SizeReader;
  /** Ids among the inputs that must lie within a table. */
  readonly idChecks: readonly IdCheck[];
  /** Number of slots. */
  readonly slotCount: number;
}

/** Input `input` holds ids below `limit`, for an operation `op`. */
export interface IdCheck {
  readonly op: OpName;
  readonly input: number;
  readonly limit: Size;
}

/** Name of the initializer that holds a constant input. */
export const constantName = (position: number): string => `constant_${position}`;

/**
 * @param graph - legalized
 * @param variant - legalized second trace, if sizes are free
 * @param constants - positions of inputs that become initializers
 * @param target - what runs it: ONNX Runtime with kernels of the host, ONNX Runtime alone, or any runtime of ONNX
 */
export function makePlan(
  graph: Graph,
  variant: Graph | undefined,
  constants: Iterable<number>,
  target: "with_host" | "alone" | "portable",
): Plan {
  const hostWork = target === "with_host";
  const isPortable = target === "portable";
  const order = topologicalOrder(graph.outputs).filter((operation) => operation.op !== "input");
  const twins = variant === undefined ? new Map<Operation, Operation>() : matchTwins(graph, variant);
  const sizes = variant === undefined ? fixedSizes : createSizeReader(graph, variant);
  const slots = createSlots(sizes, twins);
  const inputs = graph.inputs.map(slots.of);
  const outputs = graph.outputs.map(slots.of);
  const constantNames = new TensorMap<string>();
  for (const position of constants) {
    constantNames.set(graph.inputs[position] as Tensor, constantName(position));
  }
  const useCount = countUses(order, graph.outputs);
  const lowerUnit = (operations: readonly Operation[], unitOutputs: readonly Tensor[]): LoweredModel =>
    lower({
      operations,
      outputs: unitOutputs,
      constants: constantNames,
      sizes,
      twins,
      graphInputs: graph.inputs,
      fusions: findFusions(operations, useCount, isPortable),
      table: isPortable ? portableTable : lowerTable,
      splitOutputs: hostWork,
    });
  const units = partition(order, graph.outputs, hostWork);
  const steps = makeSteps(units, outputs, slots.of, lowerUnit, useCount);
  const idChecks = findIdChecks(order, graph.inputs, slots.of);
  return { steps, inputs, outputs, sizes, idChecks, slotCount: slots.count() };
}

function findIdChecks(
  order: readonly Operation[],
  inputs: readonly Tensor[],
  slotOf: (tensor: Tensor) => Slot,
): readonly IdCheck[] {
  const checks = new Map<string, IdCheck>();
  for (const { op, input, table, axis } of findIdInputs(order, inputs)) {
    const limit = slotOf(table).shape.at(axis) as Size;
    checks.set(`${input} ${JSON.stringify(limit)}`, { op, input, limit });
  }
  return [...checks.values()];
}

/** From the last unit to the first, so that each knows which of its results are read later. */
function makeSteps(
  units: readonly Unit[],
  outputs: readonly Slot[],
  slotOf: (tensor: Tensor) => Slot,
  lowerUnit: (operations: readonly Operation[], outputs: readonly Tensor[]) => LoweredModel,
  useCount: TensorMap<number>,
): readonly Step[] {
  const readLater = new Set(outputs);
  const steps: Step[] = [];
  for (const unit of units.toReversed()) {
    const results = unit.kind === "host" ? resultsOf(unit.operation) : unit.operations.flatMap(resultsOf);
    if (unit.kind === "host") {
      const stepInputs = unit.operation.inputs.map(slotOf);
      const stepOutputs = results.map(slotOf);
      const lastUses = unread([...stepInputs, ...stepOutputs], readLater);
      steps.push({
        kind: "host",
        operation: unit.operation as Operation<HostOpName>,
        inputs: stepInputs,
        outputs: stepOutputs,
        lastUses,
      });
    } else {
      const wanted = results.filter((tensor) => readLater.has(slotOf(tensor)));
      const lowered = lowerUnit(unit.operations, wanted);
      const stepInputs = lowered.inputs.map(slotOf);
      const lastUses = unread(stepInputs, readLater);
      const parts = lowered.outputs.map(({ tensor, rows }) => ({ slot: slotOf(tensor), rows }));
      steps.push({
        kind: "model",
        lowered,
        parts,
        overwrites: overwritesOf(unit.operations, useCount, slotOf),
        inputs: stepInputs,
        outputs: wanted.map(slotOf),
        lastUses,
      });
    }
    for (const slot of steps.at(-1)?.inputs ?? []) readLater.add(slot);
  }
  return steps.reverse();
}

/** Results that are written over an input which nothing else reads. */
function overwritesOf(
  operations: readonly Operation[],
  useCount: TensorMap<number>,
  slotOf: (tensor: Tensor) => Slot,
): ReadonlyMap<Slot, Slot> {
  const found = new Map<Slot, Slot>();
  for (const operation of operations) {
    for (const [index, position] of (overwrites[operation.op] ?? []).entries()) {
      if (position === undefined) continue;
      const target = operation.inputs[position] as Tensor;
      if (useCount.get(target) === 1)
        found.set(slotOf(resultsOf(operation)[index] as Tensor), slotOf(target));
    }
  }
  return found;
}

function unread(slots: readonly Slot[], readLater: ReadonlySet<Slot>): ReadonlySet<Slot> {
  return new Set(slots.filter((slot) => !readLater.has(slot)));
}

/** Slots by tensor; handles of the same result share one. */
function createSlots(sizes: SizeReader, twins: ReadonlyMap<Operation, Operation>) {
  const slots = new TensorMap<Slot>();
  let count = 0;
  return {
    count: () => count,
    of: (tensor: Tensor): Slot => {
      const known = slots.get(tensor);
      if (known !== undefined) return known;
      const twin = twins.get(tensor.operation) ?? tensor.operation;
      const second = (twin.types[tensor.index] as Tensor["type"]).shape;
      const slot = { index: count++, tensor, shape: sizes.readShape(tensor.shape, second) };
      slots.set(tensor, slot);
      return slot;
    },
  };
}

/** Pairs the operations of two traces of one function. */
function matchTwins(graph: Graph, variant: Graph): ReadonlyMap<Operation, Operation> {
  const [first, second] = [graph, variant].map(({ inputs, outputs }) => [
    ...inputs.map((tensor) => tensor.operation),
    ...topologicalOrder(outputs).filter((operation) => operation.op !== "input"),
  ]) as [Operation[], Operation[]];
  const mismatch = first.findIndex((operation, index) => operation.op !== second[index]?.op);
  if (first.length !== second.length || mismatch >= 0) {
    const where =
      mismatch < 0
        ? `${first.length} and ${second.length} operations`
        : `${first[mismatch]?.op} and ${second[mismatch]?.op}`;
    throw new BackendError(
      `onnx: the function does something else at other sizes (${where}); compile it without free axes`,
    );
  }
  for (const [index, operation] of first.entries()) checkTwin(operation, second[index] as Operation);
  return new Map(first.map((operation, index) => [operation, second[index] as Operation]));
}

/** Numbers that go into a model as they are must not depend on a free size. */
function checkTwin(operation: Operation, twin: Operation): void {
  const differs =
    operation.op === "fill"
      ? (operation as Operation<"fill">).attributes.value !== (twin as Operation<"fill">).attributes.value
      : operation.op === "constant" &&
        !equalData(operation as Operation<"constant">, twin as Operation<"constant">);
  if (differs) {
    throw new BackendError(
      `onnx: a ${operation.op} depends on a free size; compute it from iota or pass it as an argument`,
      operation.source === undefined ? {} : { cause: operation.source },
    );
  }
}

function equalData(a: Operation<"constant">, b: Operation<"constant">): boolean {
  const [first, second] = [a.attributes.value.data, b.attributes.value.data];
  return first.length === second.length && first.every((value, index) => Object.is(value, second[index]));
}
