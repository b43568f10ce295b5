/** Makes the nodes of a session out of a graph: what it computes, and variables with what sets, reads and frees them. */
import {
  countUses,
  findIdInputs,
  type Graph,
  isSameTensor,
  type Operation,
  type OpName,
  resultsOf,
  type Tensor,
  TensorMap,
  topologicalOrder,
} from "@alignkit/core";
import { type Attributes, lower, type Target } from "./lower/lowering.js";
import { lowerTable, overwrites } from "./lower/table.js";
import type { Node } from "./saved-model-proto.js";

/** A variable for an input. */
export interface VariablePlan {
  /** Of the input. */
  readonly position: number;
  /** The node that it is set from, and the one that reads it. */
  readonly feed: string;
  readonly read: string;
}

/** Where an output comes from. */
export type OutputPlan =
  | { readonly kind: "fetched"; readonly fetch: number }
  /** The state at this index, overwritten. */
  | { readonly kind: "state"; readonly state: number }
  | { readonly kind: "input"; readonly position: number }
  /** The same as an earlier output. */
  | { readonly kind: "again"; readonly output: number };

/** Ids in input `input` must be at least 0 and below `limit`. */
export interface IdCheck {
  readonly op: OpName;
  readonly input: number;
  readonly limit: number;
}

export interface Plan {
  readonly nodes: readonly Node[];
  /** Inputs that are handed in at each run, with the names of their nodes. */
  readonly feeds: readonly { readonly position: number; readonly name: string }[];
  /** Inputs that are overwritten. */
  readonly states: readonly VariablePlan[];
  readonly constants: readonly VariablePlan[];
  readonly fetches: readonly string[];
  readonly outputs: readonly OutputPlan[];
  readonly idChecks: readonly IdCheck[];
}

/** Nodes whose fetching sets or frees all states or all constants. */
export const actions = {
  setStates: "set_states",
  setConstants: "set_constants",
  freeStates: "free_states",
  freeConstants: "free_constants",
} as const;

/**
 * @param graph - legalized
 * @param constantPositions - inputs that are set once
 */
export function makePlan(graph: Graph, constantPositions: ReadonlySet<number>, target: Target): Plan {
  const order = topologicalOrder(graph.outputs).filter((operation) => operation.op !== "input");
  const positions = new TensorMap<number>();
  for (const [position, tensor] of graph.inputs.entries()) positions.set(tensor, position);
  const uses = countUses(order, graph.outputs);
  const overwritten = findOverwritten(order, uses, positions, constantPositions);

  const extra: Node[] = [];
  const add = (name: string, op: string, inputs: readonly string[], attributes: Attributes): string => {
    extra.push({ name, op, inputs, attributes });
    return name;
  };
  const placeholder = (name: string, { dtype, shape }: Tensor): string =>
    add(name, "Placeholder", [], { dtype: { type: dtype }, shape: { shape } });
  const variables = new Map<number, VariablePlan>();
  /** @param isGuarded - what comes in and goes out is copied, since whoever overwrites it ignores other readers */
  const variable = (position: number, isGuarded: boolean): string => {
    const name = `variable_${position}`;
    if (variables.has(position)) return name;
    const tensor = graph.inputs[position] as Tensor;
    const { dtype, shape } = tensor;
    add(name, "VarHandleOp", [], {
      dtype: { type: dtype },
      shape: { shape },
      shared_name: { string: name },
    });
    const guarded = (value: string, suffix: string): string =>
      isGuarded ? add(`${suffix}_${position}`, "DeepCopy", [value], { T: { type: dtype } }) : value;
    const feed = placeholder(`given_${position}`, tensor);
    add(`set_${position}`, "AssignVariableOp", [name, guarded(feed, "own")], { dtype: { type: dtype } });
    const value = add(`value_${position}`, "ReadVariableOp", [name], { dtype: { type: dtype } });
    variables.set(position, { position, feed, read: guarded(value, "read") });
    return name;
  };

  const feeds: { readonly position: number; readonly name: string }[] = [];
  const lowered = lower({
    operations: order,
    outputs: graph.outputs,
    table: lowerTable,
    target,
    isReadOnce: (tensor) => uses.get(tensor) === 1,
    variable: (tensor) => {
      const found = overwritten.get(tensor);
      return found && variable(found.position, found.ignoresReaders);
    },
    input: (tensor) => {
      const position = positions.get(tensor) as number;
      if (constantPositions.has(position)) {
        variable(position, false);
        return `value_${position}`;
      }
      const name = placeholder(`input_${position}`, tensor);
      feeds.push({ position, name });
      return name;
    },
  });

  const all = [...variables.values()];
  const constants = all.filter(({ position }) => constantPositions.has(position));
  const states = all.filter(({ position }) => !constantPositions.has(position));
  const after = (name: string, nodes: readonly string[]): void => {
    if (nodes.length === 0) return;
    const value = { type: { dtype: "bool", shape: [] }, data: Uint8Array.of(1) } as const;
    add(
      name,
      "Const",
      nodes.map((node) => `^${node}`),
      { dtype: { type: "bool" }, value: { tensor: value } },
    );
  };
  for (const { position } of all)
    add(`free_${position}`, "DestroyResourceOp", [`variable_${position}`], {
      ignore_lookup_error: { bool: true },
    });
  after(
    actions.setStates,
    states.map(({ position }) => `set_${position}`),
  );
  after(
    actions.freeStates,
    states.map(({ position }) => `free_${position}`),
  );
  after(
    actions.setConstants,
    constants.map(({ position }) => `set_${position}`),
  );
  after(
    actions.freeConstants,
    constants.map(({ position }) => `free_${position}`),
  );
  after("effects", lowered.effects);

  const stateIndices = new TensorMap<number>();
  for (const [tensor, { position }] of resultsOver(order, overwritten))
    stateIndices.set(
      tensor,
      states.findIndex((state) => state.position === position),
    );
  const { outputs, fetches } = planOutputs(graph, lowered.outputs, stateIndices, positions);
  return {
    nodes: [...lowered.nodes, ...extra],
    feeds,
    states,
    constants,
    outputs,
    fetches: lowered.effects.length > 0 ? [...fetches, "effects"] : fetches,
    idChecks: findIdChecks(order, graph.inputs, positions),
  };
}

interface Overwritten {
  readonly position: number;
  readonly ignoresReaders: boolean;
}

/** Inputs that the only operation which reads them can overwrite, together with the others that it overwrites. */
function findOverwritten(
  order: readonly Operation[],
  uses: TensorMap<number>,
  positions: TensorMap<number>,
  constants: ReadonlySet<number>,
): TensorMap<Overwritten> {
  const found = new TensorMap<Overwritten>();
  for (const { op, inputs } of order) {
    const rule = overwrites[op];
    if (rule === undefined) continue;
    const targets = rule.inputs.filter((at) => at !== undefined).map((at) => inputs[at] as Tensor);
    const canAll = targets.every((tensor) => {
      const position = positions.get(tensor);
      return position !== undefined && !constants.has(position) && uses.get(tensor) === 1;
    });
    if (!canAll) continue;
    for (const tensor of targets) {
      const position = positions.get(tensor) as number;
      found.set(tensor, { position, ignoresReaders: rule.ignoresReaders });
    }
  }
  return found;
}

/** Results that are written over inputs, with those inputs. */
function* resultsOver(order: readonly Operation[], overwritten: TensorMap<Overwritten>) {
  for (const operation of order) {
    for (const [index, at] of (overwrites[operation.op]?.inputs ?? []).entries()) {
      const target = at === undefined ? undefined : overwritten.get(operation.inputs[at] as Tensor);
      if (target !== undefined) yield [resultsOf(operation)[index] as Tensor, target] as const;
    }
  }
}

function planOutputs(
  graph: Graph,
  names: readonly string[],
  stateIndices: TensorMap<number>,
  positions: TensorMap<number>,
): Pick<Plan, "outputs" | "fetches"> {
  const fetches: string[] = [];
  const outputs = graph.outputs.map((tensor, index): OutputPlan => {
    const position = positions.get(tensor);
    if (position !== undefined) return { kind: "input", position };
    const first = graph.outputs.findIndex((other) => isSameTensor(other, tensor));
    if (first < index) return { kind: "again", output: first };
    const state = stateIndices.get(tensor);
    if (state !== undefined) return { kind: "state", state };
    return { kind: "fetched", fetch: fetches.push(names[index] as string) - 1 };
  });
  return { outputs, fetches };
}

/** Ids among the inputs, which TensorFlow checks on the CPU only, and start positions, which it cuts off. */
function findIdChecks(
  order: readonly Operation[],
  inputs: readonly Tensor[],
  positions: TensorMap<number>,
): readonly IdCheck[] {
  const checks = new Map<string, IdCheck>();
  const add = (op: OpName, input: number, limit: number) =>
    checks.set(`${input} ${limit}`, { op, input, limit });
  for (const { op, input, table, axis } of findIdInputs(order, inputs))
    add(op, input, table.shape.at(axis) as number);
  for (const operation of order) {
    if (operation.op !== "updateSlice") continue;
    const { axis } = (operation as Operation<"updateSlice">).attributes;
    const [base, update, start] = operation.inputs as readonly [Tensor, Tensor, Tensor];
    const input = positions.get(start);
    const limit = (base.shape[axis] as number) - (update.shape[axis] as number) + 1;
    if (input !== undefined) add("updateSlice", input, limit);
  }
  return [...checks.values()];
}
