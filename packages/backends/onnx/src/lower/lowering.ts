/**
 * Builds one ONNX model out of operations: names, constants, shapes. The rules per op stand in table.ts.
 */
import {
  BackendError,
  type DType,
  type OpAttributes,
  type Operation,
  type OpName,
  operandsOf,
  resultsOf,
  type Tensor,
  TensorMap,
} from "@alignkit/core";
import type { Expression, FreeSize, Size, SizeReader } from "../dimensions.js";
import type { AttributeValue, Initializer, Model, Node, ValueInfo } from "../model-proto.js";
import type { ElementType } from "../ort-api.js";
import type { Fusions } from "./fusions.js";
import { productInParts, splittableOutputs } from "./tall-products.js";

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
}

/** What the rule of an op sees. */
export interface Lowering {
  readonly fusions: Fusions;
  /** Name of a value in its full shape. */
  name(tensor: Tensor): string;
  /** Names that broadcast, by ONNX's rules, to the shape that the tensors have in common. */
  operands(tensors: readonly Tensor[]): readonly string[];
  /** Adds a node with one output and returns its name. */
  emit(op: string, inputs: readonly string[], options?: EmitOptions): string;
  /** Adds a node with several outputs. */
  emitMany(op: string, inputs: readonly string[], outputs: number, options?: EmitOptions): readonly string[];
  /** A list of int64, as shapes and axes are given. */
  int64s(values: readonly number[]): string;
  /** int64 `[]`. */
  int64(value: number): string;
  scalar(value: number, dtype: DType): string;
  initializer(data: Initializer["data"], type: ElementType, shape: readonly number[]): string;
  /** Sizes of an attribute, free ones as expressions. */
  sizes(operation: Operation, select: (operation: Operation) => readonly number[]): readonly Size[];
  /** The shape of a tensor, free ones as expressions. */
  sizesOf(tensor: Tensor): readonly Size[];
  /** The shape as an int64 list that Reshape takes: at most one -1. */
  reshapeTarget(sizes: readonly Size[]): string;
  /** The shape as an int64 list, free sizes computed. */
  shape(sizes: readonly Size[]): string;
  /** float32 `[1, size]`. */
  ones(size: Size): string;
}

export type Lower<K extends OpName> = (lowering: Lowering, operation: Operation<K>) => readonly string[];

export type LowerTable = { readonly [K in Exclude<keyof OpAttributes, "input">]?: Lower<K> };

/** Operations that cost nothing by themselves: they are emitted where they are read, or melt into their reader. */
export const lazyOps: ReadonlySet<OpName> = new Set<OpName>(["constant", "fill", "iota", "broadcastTo"]);

export interface LoweredModel {
  readonly model: Model;
  readonly inputs: readonly Tensor[];
  /** What the outputs of the model are, in its order. */
  readonly outputs: readonly ModelOutput[];
}

/** A tensor, or some of its rows: a large product is written in parts. */
export interface ModelOutput {
  readonly tensor: Tensor;
  readonly rows?: Rows;
}

export interface Rows {
  readonly start: number;
  readonly end: number;
}

export interface LowerRequest {
  /** In order, each after its inputs. */
  readonly operations: readonly Operation[];
  readonly outputs: readonly Tensor[];
  /** Values that become initializers with external data, named by {@link constantName}. */
  readonly constants: TensorMap<string>;
  readonly sizes: SizeReader;
  /** Each operation in the second trace. */
  readonly twins: ReadonlyMap<Operation, Operation>;
  /** Inputs of the whole graph, which symbols refer to. */
  readonly graphInputs: readonly Tensor[];
  readonly fusions: Fusions;
  readonly table: LowerTable;
  /** Whether outputs may be written in parts. */
  readonly splitOutputs: boolean;
}

export function lower(request: LowerRequest): LoweredModel {
  const { operations, outputs, constants, sizes, twins, graphInputs, fusions, table } = request;
  const own = new Set(operations);
  const names = new TensorMap<string>();
  const nodes: Node[] = [];
  const initializers = new Map<string, Initializer>();
  const inputs: Tensor[] = [];
  let count = 0;
  const fresh = (): string => `v${count++}`;

  const emitMany: Lowering["emitMany"] = (op, nodeInputs, outputCount, options = {}) => {
    const results = Array.from({ length: outputCount }, fresh);
    nodes.push({ op, inputs: nodeInputs, outputs: results, ...options });
    return results;
  };
  const emit: Lowering["emit"] = (op, nodeInputs, options) =>
    emitMany(op, nodeInputs, 1, options)[0] as string;

  const addConstant = (
    key: string,
    type: ElementType,
    shape: readonly number[],
    data: ArrayBufferView,
  ): string => {
    if (!initializers.has(key)) initializers.set(key, { name: key, type, shape, data });
    return key;
  };
  const int64s = (values: readonly number[]): string =>
    addConstant(`i64_${values.join("_")}`, "int64", [values.length], new BigInt64Array(values.map(BigInt)));

  const run = (operation: Operation): void => {
    const rule = table[operation.op as keyof LowerTable] as Lower<OpName> | undefined;
    if (rule === undefined) throw new BackendError(`onnx: no rule for ${operation.op}`);
    for (const [index, name] of rule(lowering, operation).entries()) {
      names.set(resultsOf(operation)[index] as Tensor, name);
    }
  };

  const name = (tensor: Tensor): string => {
    const known = names.get(tensor);
    if (known !== undefined) return known;
    if (own.has(tensor.operation) || lazyOps.has(tensor.operation.op)) {
      run(tensor.operation);
      return names.get(tensor) as string;
    }
    const constantName = constants.get(tensor);
    const inputName = constantName ?? fresh();
    if (constantName === undefined) inputs.push(tensor);
    else initializers.set(constantName, { name: constantName, type: tensor.dtype, shape: tensor.shape });
    names.set(tensor, inputName);
    return inputName;
  };

  /** A free size as an int64 list of one. */
  const symbolNames = new Map<string, string>();
  const symbolSize = (expression: Expression): string => {
    const key = describe(expression);
    const known = symbolNames.get(key);
    if (known !== undefined) return known;
    const { symbols, factor, offset, less } = expression;
    const sizeOfFree = ({ input, axis }: FreeSize): string => {
      const shape = emit("Shape", [name(graphInputs[input] as Tensor)]);
      return emit("Gather", [shape, int64s([axis])], { attributes: { axis: { int: 0 } } });
    };
    let value = symbols.map(sizeOfFree).reduce((product, each) => emit("Mul", [product, each]));
    if (factor !== 1) value = emit("Mul", [value, int64s([factor])]);
    if (offset !== 0) value = emit("Add", [value, int64s([offset])]);
    if (less !== undefined) value = emit("Sub", [value, sizeOfFree(less)]);
    symbolNames.set(key, value);
    return value;
  };
  const shapeNames = new Map<string, string>();
  const shape: Lowering["shape"] = (list) => {
    if (list.every((size) => typeof size === "number")) return int64s(list as readonly number[]);
    const key = list.map(describe).join();
    const known = shapeNames.get(key);
    if (known !== undefined) return known;
    const parts = list.map((size) => (typeof size === "number" ? int64s([size]) : symbolSize(size)));
    const value = emit("Concat", parts, { attributes: { axis: { int: 0 } } });
    shapeNames.set(key, value);
    return value;
  };

  const onesNames = new Map<string, string>();
  const ones: Lowering["ones"] = (size) => {
    const key = describe(size);
    const name = onesNames.get(key) ?? emit("Expand", [lowering.scalar(1, "float32"), shape([1, size])]);
    onesNames.set(key, name);
    return name;
  };

  const sizesOf = (tensor: Tensor): readonly Size[] => {
    const twin = twins.get(tensor.operation) ?? tensor.operation;
    return sizes.readShape(tensor.shape, (twin.types[tensor.index] as Tensor["type"]).shape);
  };
  const lowering: Lowering = {
    fusions,
    name,
    operands: (tensors) => operandsOf(tensors, name, lowering.scalar),
    emit,
    emitMany,
    int64s,
    int64: (value) => addConstant(`i64s_${value}`, "int64", [], new BigInt64Array([BigInt(value)])),
    scalar: (value, dtype) =>
      addConstant(`${dtype}_${Object.is(value, -0) ? "-0" : value}`, dtype, [], scalarData[dtype](value)),
    initializer: (data, type, dimensions) => {
      const key = `c${initializers.size}`;
      return addConstant(key, type, dimensions, data as ArrayBufferView);
    },
    sizes: (operation, select) => {
      const twin = twins.get(operation) ?? operation;
      return sizes.readShape(select(operation), select(twin));
    },
    sizesOf,
    reshapeTarget: (list) => {
      const free = list.filter((size) => typeof size !== "number");
      return free.length <= 1
        ? int64s(list.map((size) => (typeof size === "number" ? size : -1)))
        : shape(list);
    },
    shape,
    ones,
  };

  const hasFixedRows = (operation: Operation): boolean => {
    const twin = twins.get(operation) ?? operation;
    return operation.types[0]?.shape[0] === twin.types[0]?.shape[0];
  };
  const split = request.splitOutputs
    ? splittableOutputs(operations, outputs, fusions, hasFixedRows)
    : new Set<Operation>();
  for (const operation of operations) {
    if (lazyOps.has(operation.op) || fusions.melted.has(operation) || split.has(operation)) continue;
    if (names.get(resultsOf(operation)[0] as Tensor) === undefined) run(operation);
  }

  const shapeOf = (tensor: Tensor): ValueInfo["shape"] =>
    sizesOf(tensor).map((size) => (typeof size === "number" ? size : describe(size)));
  const info = (tensor: Tensor, valueName: string, rows?: Rows): ValueInfo => ({
    name: valueName,
    type: tensor.dtype,
    shape: rows === undefined ? shapeOf(tensor) : [rows.end - rows.start, ...tensor.shape.slice(1)],
  });
  // An output may be an initializer or an input of the model, or stand twice: each gets a node of its own.
  const produced = new Set(nodes.flatMap((node) => node.outputs));
  const modelOutputs = outputs.flatMap((tensor): readonly (ModelOutput & { readonly name: string })[] => {
    if (split.has(tensor.operation)) return productInParts(lowering, tensor.operation as Operation<"matMul">);
    const valueName = name(tensor);
    return [{ tensor, name: produced.delete(valueName) ? valueName : emit("Identity", [valueName]) }];
  });
  return {
    model: {
      nodes: copiesLast(neededNodes(nodes, modelOutputs)),
      inputs: inputs.map((tensor) => info(tensor, names.get(tensor) as string)),
      outputs: modelOutputs.map((output) => info(output.tensor, output.name, output.rows)),
      initializers: [...initializers.values()],
    },
    inputs,
    outputs: modelOutputs,
  };
}

/** Without those whose results went out of use, such as the reshape before a broadcast that ONNX does itself. */
function neededNodes(nodes: readonly Node[], outputs: readonly { readonly name: string }[]): readonly Node[] {
  const needed = new Set(outputs.map((output) => output.name));
  return nodes
    .toReversed()
    .filter((node) => {
      const isNeeded = node.outputs.some((name) => needed.has(name));
      if (isNeeded) for (const name of node.inputs) needed.add(name);
      return isNeeded;
    })
    .reverse();
}

/**
 * Copies that no other node reads behind the rest, the earlier they can be made the later: ONNX Runtime begins with the last of
 * the nodes that none reads, after what that one needs, and goes on to the first. Else what they copy would stay in memory
 * until all else is done, with the copies. Products are left in their order, which makes no difference to training.
 */
function copiesLast(nodes: readonly Node[]): readonly Node[] {
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const isLast = ({ op, outputs }: Node): boolean => op === "Pad" && !outputs.some((name) => read.has(name));
  const madeAt = new Map(nodes.flatMap(({ outputs }, at) => outputs.map((name) => [name, at] as const)));
  const readyAt = ({ inputs }: Node): number => Math.max(-1, ...inputs.map((name) => madeAt.get(name) ?? -1));
  return [
    ...nodes.filter((node) => !isLast(node)),
    ...nodes.filter(isLast).sort((a, b) => readyAt(b) - readyAt(a)),
  ];
}

function describe(size: Size): string {
  if (typeof size === "number") return String(size);
  const { symbols, factor, offset, less } = size;
  return `${symbols.map((symbol) => symbol.name).join("*")}*${factor}+${offset}-${less?.name ?? 0}`;
}

const scalarData: Readonly<Record<DType, (value: number) => ArrayBufferView>> = {
  float32: (value) => new Float32Array([value]),
  int32: (value) => new Int32Array([value]),
  bool: (value) => new Uint8Array([value]),
};
