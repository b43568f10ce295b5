/** Makes the nodes of a session out of a graph: what it computes, and variables with what sets, reads and frees them. */
import {
  countUses,
  findIdInputs,
  type Graph,
  isSameTensor,
  type Operation,
  type OpName,
  type Rows,
  resultsOf,
  sizeOf,
  type Tensor,
  TensorMap,
  type TensorType,
  topologicalOrder,
} from "@alignkit/core";
import { type Attributes, lower, type Target } from "./lower/lowering.js";
import { lowerTable, overwrites } from "./lower/table.js";
import { callInParts, type PartInput, partsNode, wholeType } from "./parts.js";
import type { FunctionDefinition, Node } from "./saved-model-proto.js";

/** A variable for an input. */
export interface VariablePlan {
  /** Of its node. */
  readonly name: string;
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
  readonly functions: readonly FunctionDefinition[];
  /** Of all rows, where a graph computes a part. */
  readonly inputTypes: readonly TensorType[];
  readonly outputTypes: readonly TensorType[];
  /** Inputs that are handed in at each run, with the names of their nodes. */
  readonly feeds: readonly { readonly position: number; readonly name: string }[];
  /** Inputs that are overwritten. */
  readonly states: readonly VariablePlan[];
  /** One for each input; there may be a second one, which is set together with it. */
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
export function makePlan(
  graph: Graph,
  constantPositions: ReadonlySet<number>,
  target: Target,
  rows?: Rows,
): Plan {
  const order = topologicalOrder(graph.outputs).filter((operation) => operation.op !== "input");
  const positions = new TensorMap<number>();
  for (const [position, tensor] of graph.inputs.entries()) positions.set(tensor, position);
  const uses = countUses(order, graph.outputs);
  const overwritten = findOverwritten(order, uses, positions, constantPositions, rows);

  const extra: Node[] = [];
  const add = (name: string, op: string, inputs: readonly string[], attributes: Attributes): string => {
    extra.push({ name, op, inputs, attributes });
    return name;
  };
  const inputTypes = graph.inputs.map(({ type }, position) =>
    rows?.inputs.has(position) ? wholeType(type, rows) : type,
  );
  const placeholder = (name: string, { dtype, shape }: TensorType): string =>
    add(name, "Placeholder", [], { dtype: { type: dtype }, shape: { shape } });
  const variables = new Map<string, VariablePlan>();
  const given = (position: number): string => {
    const name = `given_${position}`;
    const isKnown = extra.some((node) => node.name === name);
    return isKnown ? name : placeholder(name, inputTypes[position] as TensorType);
  };
  /** A variable set from a node; returns the node that reads it. */
  const hold = (name: string, { dtype, shape }: TensorType, from: string): string => {
    const attributes = { dtype: { type: dtype } };
    add(name, "VarHandleOp", [], { ...attributes, shape: { shape }, shared_name: { string: name } });
    add(`set_${name}`, "AssignVariableOp", [name, from], attributes);
    add(`free_${name}`, "DestroyResourceOp", [name], { ignore_lookup_error: { bool: true } });
    return add(`value_of_${name}`, "ReadVariableOp", [name], attributes);
  };
  /** A constant matrix, turned when it is set: returns the node that reads it. */
  const turnedVariable = (position: number): string => {
    const name = `turned_${position}`;
    const known = variables.get(name);
    if (known !== undefined) return known.read;
    const { dtype, shape } = inputTypes[position] as TensorType;
    const feed = given(position);
    const axes = { type: { dtype: "int32", shape: [2] }, data: Int32Array.of(1, 0) } as const;
    const order = add(`order_${position}`, "Const", [], {
      dtype: { type: "int32" },
      value: { tensor: axes },
    });
    const from = add(`turn_${position}`, "Transpose", [feed, order], {
      T: { type: dtype },
      Tperm: { type: "int32" },
    });
    const read = hold(name, { dtype, shape: shape.toReversed() }, from);
    variables.set(name, { name, position, feed, read });
    return read;
  };
  /** @param isGuarded - what comes in and goes out is copied, since whoever overwrites it ignores other readers */
  const variable = (position: number, isGuarded: boolean): string => {
    const name = `variable_${position}`;
    if (variables.has(name)) return name;
    const { dtype, shape } = inputTypes[position] as TensorType;
    const guarded = (value: string, suffix: string): string =>
      isGuarded ? add(`${suffix}_${position}`, "DeepCopy", [value], { T: { type: dtype } }) : value;
    const feed = given(position);
    const value = hold(name, { dtype, shape }, guarded(feed, "own"));
    variables.set(name, { name, position, feed, read: guarded(value, "read") });
    return name;
  };

  const feeds: { readonly position: number; readonly name: string }[] = [];
  const partInputs: PartInput[] = [];
  /** What the nodes of a part call an input, as a part sees it, that comes from this node. */
  const inPart = (
    from: string,
    position: number,
    type = graph.inputs[position]?.type as TensorType,
  ): string => {
    if (rows === undefined) return from;
    const name = `part_${from}`;
    const isKnown = partInputs.some((other) => other.name === name);
    if (!isKnown) partInputs.push({ name, from, type, hasRows: rows.inputs.has(position) });
    return name;
  };
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
    own: (tensor) => {
      const found = overwritten.get(tensor);
      if (found === undefined) return undefined;
      variable(found.position, found.ignoresReaders);
      return inPart(`value_of_variable_${found.position}`, found.position);
    },
    // Where weights are small enough to be held twice.
    turned: (tensor) => {
      const position = positions.get(tensor);
      if (rows === undefined || position === undefined || !constantPositions.has(position)) return undefined;
      const { dtype, shape } = tensor;
      return inPart(turnedVariable(position), position, { dtype, shape: shape.toReversed() });
    },
    input: (tensor) => {
      const position = positions.get(tensor) as number;
      if (constantPositions.has(position)) {
        return inPart(`value_of_${variable(position, false)}`, position);
      }
      const name = placeholder(`input_${position}`, inputTypes[position] as TensorType);
      feeds.push({ position, name });
      return inPart(name, position);
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
  after(
    actions.setStates,
    states.map(({ name }) => `set_${name}`),
  );
  after(
    actions.freeStates,
    states.map(({ name }) => `free_${name}`),
  );
  after(
    actions.setConstants,
    constants.map(({ name }) => `set_${name}`),
  );
  after(
    actions.freeConstants,
    constants.map(({ name }) => `free_${name}`),
  );
  after("effects", rows === undefined ? lowered.effects : [partsNode]);

  const stateIndices = new TensorMap<number>();
  for (const [tensor, { position }] of resultsOver(order, overwritten))
    stateIndices.set(
      tensor,
      states.findIndex((state) => state.position === position),
    );
  const { outputs, fetched } = planOutputs(graph, stateIndices, positions);
  const results = fetched.map((index) => ({
    from: lowered.outputs[index] as string,
    type: (graph.outputs[index] as Tensor).type,
  }));
  const calling = rows && callInParts(rows, lowered.nodes, partInputs, results);
  const fetches = calling?.results ?? results.map(({ from }) => from);
  return {
    nodes: [...(calling?.nodes ?? lowered.nodes), ...extra],
    functions: calling === undefined ? [] : [calling.definition],
    inputTypes,
    outputTypes: graph.outputs.map(({ type }) => (rows ? wholeType(type, rows) : type)),
    feeds,
    states,
    constants: constants.filter(
      ({ feed }, index) => constants.findIndex((other) => other.feed === feed) === index,
    ),
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
  rows: Rows | undefined,
): TensorMap<Overwritten> {
  const found = new TensorMap<Overwritten>();
  for (const { op, inputs } of order) {
    const rule = overwrites[op];
    if (rule === undefined) continue;
    const targets = rule.inputs.filter((at) => at !== undefined).map((at) => inputs[at] as Tensor);
    const canAll = targets.every((tensor) => {
      const position = positions.get(tensor);
      if (position === undefined || constants.has(position) || uses.get(tensor) !== 1) return false;
      return rows === undefined || (rule.ignoresReaders && isPlaced(tensor, position, rows));
    });
    if (!canAll) continue;
    for (const tensor of targets) {
      const position = positions.get(tensor) as number;
      found.set(tensor, { position, ignoresReaders: rule.ignoresReaders });
    }
  }
  return found;
}

/** Whether parts get an input where it lies: TensorFlow copies a part that begins at odd addresses. */
const isPlaced = ({ shape }: Tensor, position: number, rows: Rows): boolean =>
  rows.inputs.has(position) && sizeOf(shape) % 16 === 0;

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
  stateIndices: TensorMap<number>,
  positions: TensorMap<number>,
): { readonly outputs: readonly OutputPlan[]; readonly fetched: readonly number[] } {
  const fetched: number[] = [];
  const outputs = graph.outputs.map((tensor, index): OutputPlan => {
    const position = positions.get(tensor);
    if (position !== undefined) return { kind: "input", position };
    const first = graph.outputs.findIndex((other) => isSameTensor(other, tensor));
    if (first < index) return { kind: "again", output: first };
    const state = stateIndices.get(tensor);
    if (state !== undefined) return { kind: "state", state };
    return { kind: "fetched", fetch: fetched.push(index) - 1 };
  });
  return { outputs, fetched };
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
