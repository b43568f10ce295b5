/** Builds nodes of a TensorFlow graph out of operations: names, constants, types. The rules per op stand in table.ts. */
import {
  BackendError,
  type DType,
  type HostTensor,
  int32,
  type OpAttributes,
  type Operation,
  type OpName,
  operandsOf,
  resultsOf,
  type Tensor,
  TensorMap,
} from "@alignkit/core";
import type { Attributes, AttributeValue, Node } from "../saved-model-proto.js";

export type { Attributes } from "../saved-model-proto.js";

/** What the rule of an op sees. */
export interface Lowering {
  /** Name of a value in its full shape. */
  name(tensor: Tensor): string;
  /** Names that broadcast, by TensorFlow's rules, to the shape that the tensors have in common. */
  operands(tensors: readonly Tensor[]): readonly string[];
  /** Adds a node and returns its name, which is that of its first result. */
  emit(op: string, inputs: readonly string[], attributes?: Attributes): string;
  /** A list of int32, as shapes and axes are given. */
  ints(values: readonly number[]): string;
  scalar(value: number, dtype: DType): string;
  constant(value: HostTensor): string;
  reshape(name: string, dtype: DType, shape: readonly number[]): string;
  /** The variable that holds an input which only the given operation reads, so that it may be overwritten. */
  variable(tensor: Tensor): string | undefined;
  /** The memory of such an input, if it may be overwritten where it lies. */
  own(tensor: Tensor): string | undefined;
  /** A constant matrix, turned once when it is set, where that pays. */
  turned(tensor: Tensor): string | undefined;
  /** Has a node run even if nothing reads it. */
  effect(name: string): void;
  /** The one that was named last. */
  readonly latestEffect: string | undefined;
  /** Whether a value has one reader and is not an output. */
  isReadOnce(tensor: Tensor): boolean;
  readonly target: Target;
}

/** What a graph is lowered for. */
export interface Target {
  readonly isGpu: boolean;
  /** Whether TensorFlow has oneDNN's operators of products. */
  readonly hasOneDnn: boolean;
}

export type Lower<K extends OpName> = (lowering: Lowering, operation: Operation<K>) => readonly string[];

export type LowerTable = { readonly [K in Exclude<keyof OpAttributes, "input">]?: Lower<K> };

export const type = (dtype: DType): AttributeValue => ({ type: dtype });

export interface LowerRequest {
  /** In order, each after its inputs. */
  readonly operations: readonly Operation[];
  readonly outputs: readonly Tensor[];
  /** Name of an input of the graph; asked once, and only of those that are read. */
  readonly input: (tensor: Tensor) => string;
  /** As {@link Lowering.variable}. */
  readonly variable: (tensor: Tensor) => string | undefined;
  /** As {@link Lowering.own}. */
  readonly own: (tensor: Tensor) => string | undefined;
  /** As {@link Lowering.turned}. */
  readonly turned: (tensor: Tensor) => string | undefined;
  readonly table: LowerTable;
  readonly target: Target;
  /** As {@link Lowering.isReadOnce}. */
  readonly isReadOnce: (tensor: Tensor) => boolean;
}

export interface Lowered {
  readonly nodes: readonly Node[];
  /** Names of the outputs. */
  readonly outputs: readonly string[];
  /** Nodes that must run whatever is read. */
  readonly effects: readonly string[];
}

/** Operations that their readers may do without: they are emitted where they are read. */
const lazyOps: ReadonlySet<OpName> = new Set<OpName>(["constant", "fill", "iota", "broadcastTo"]);

export function lower(request: LowerRequest): Lowered {
  const { operations, outputs, input, variable, own, turned, table, target, isReadOnce } = request;
  const nodes: Node[] = [];
  const effects: string[] = [];
  const names = new TensorMap<string>();
  const constants = new Map<string, string>();

  const emit: Lowering["emit"] = (op, nodeInputs, attributes = {}) => {
    const name = `n${nodes.length}`;
    nodes.push({ name, op, inputs: nodeInputs, attributes });
    return name;
  };
  const constant: Lowering["constant"] = (value) =>
    emit("Const", [], { dtype: type(value.type.dtype), value: { tensor: value } });
  const known = (key: string, value: () => HostTensor): string => {
    const name = constants.get(key) ?? constant(value());
    constants.set(key, name);
    return name;
  };
  const run = (operation: Operation): void => {
    const rule = table[operation.op as keyof LowerTable] as Lower<OpName> | undefined;
    if (rule === undefined) throw new BackendError(`tfjs: no rule for ${operation.op}`);
    for (const [index, name] of rule(lowering, operation).entries())
      names.set(resultsOf(operation)[index] as Tensor, name);
  };
  const lowering: Lowering = {
    name: (tensor) => {
      if (names.get(tensor) === undefined) {
        if (tensor.operation.op === "input") names.set(tensor, input(tensor));
        else run(tensor.operation);
      }
      return names.get(tensor) as string;
    },
    operands: (tensors) => operandsOf(tensors, lowering.name, lowering.scalar),
    emit,
    ints: (values) => known(`ints ${values.join()}`, () => int32(values, [values.length])),
    scalar: (value, dtype) =>
      known(`${dtype} ${Object.is(value, -0) ? "-0" : value}`, () => scalarOf(value, dtype)),
    constant,
    reshape: (name, dtype, shape) =>
      emit("Reshape", [name, lowering.ints(shape)], { T: type(dtype), Tshape: type("int32") }),
    variable,
    own,
    turned,
    effect: (name) => void effects.push(name),
    get latestEffect() {
      return effects.at(-1);
    },
    isReadOnce,
    target,
  };
  for (const operation of operations) {
    const isDone = names.get(resultsOf(operation)[0] as Tensor) !== undefined;
    if (!isDone && !lazyOps.has(operation.op)) run(operation);
  }
  const outputNames = outputs.map(lowering.name);
  return { nodes, outputs: outputNames, effects };
}

const scalarOf = (value: number, dtype: DType): HostTensor => {
  const arrays = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;
  return { type: { dtype, shape: [] }, data: new arrays[dtype]([value]) };
};
