/** Writes a traced function as an ONNX model of standard operators, for other runtimes. */
import { BackendError, type CompositeName, type Graph, legalize } from "@alignkit/core";
import type { ModelOutput } from "./lower/lowering.js";
import { type Dimension, encodeModel, type Initializer, type Model, type Node } from "./model-proto.js";
import { elementTypes } from "./ort-api.js";
import { constantName, makePlan } from "./plan.js";
import { type QuantizedBits, quantizeProducts } from "./quantize.js";

/** A named input or output. */
export interface OnnxValue {
  readonly name: string;
  /** An int64 input is int32 in the graph. */
  readonly type: "float32" | "int64";
  readonly shape: readonly Dimension[];
}

/** A weight, which becomes part of the model. */
export interface OnnxWeight {
  readonly name: string;
  readonly data: Float32Array;
}

/** A function to be written as a model of its own. */
export interface OnnxExport {
  readonly graph: Graph;
  /** The same function at other sizes: what differs is free. */
  readonly variant: Graph;
  /** The first inputs of the graph. */
  readonly inputs: readonly OnnxValue[];
  /** The others, in their order. */
  readonly weights: readonly OnnxWeight[];
  readonly outputs: readonly OnnxValue[];
  /** Bits of the weights of matrix products, through an operator of ONNX Runtime's own; 32 by default, standard operators only. */
  readonly bits?: QuantizedBits | 32;
}

/** Composites with an operator in the ONNX standard. */
const standardComposites: ReadonlySet<CompositeName> = new Set<CompositeName>([
  "softmax",
  "logSoftmax",
  "layerNorm",
]);

/** Protocol buffers end at 2 GiB. */
const maximumBytes = 2 ** 31 - 2 ** 20;

/**
 * The bytes of a `.onnx` file.
 * @throws {BackendError} when the weights are larger than such a file can be
 */
export function exportOnnx({ graph, variant, inputs, weights, outputs, bits = 32 }: OnnxExport): Uint8Array {
  const positions = weights.map((_, index) => inputs.length + index);
  const plan = makePlan(
    legalize(graph, standardComposites),
    legalize(variant, standardComposites),
    positions,
    "portable",
  );
  const [step, ...others] = plan.steps;
  if (step?.kind !== "model" || others.length > 0) {
    throw new BackendError(`onnx: the function is ${plan.steps.length} steps, not one model`);
  }
  const { model, inputs: tensors, outputs: results } = step.lowered;

  // Names of the file for those of the lowering.
  const names = new Map<string, string>();
  const casts: Node[] = [];
  for (const [index, { name: own }] of model.inputs.entries()) {
    const position = graph.inputs.findIndex(({ operation }) => operation === tensors[index]?.operation);
    const { name, type } = inputs[position] as OnnxValue;
    if (type === "float32") names.set(own, name);
    else {
      const attributes = { to: { int: elementTypes.int32 } };
      casts.push({ op: "Cast", inputs: [name], outputs: [own], attributes });
    }
  }
  for (const [index, { name }] of weights.entries())
    names.set(constantName(positions[index] as number), name);
  for (const [index, { name }] of model.outputs.entries()) {
    const { operation, index: result } = (results[index] as ModelOutput).tensor;
    const position = plan.outputs.findIndex(
      ({ tensor }) => tensor.operation === operation && tensor.index === result,
    );
    names.set(name, (outputs[position] as OnnxValue).name);
  }
  const data = new Map(weights.map(({ name, data: values }) => [name, values]));
  const whole: Model = {
    nodes: [...casts, ...model.nodes].map((node) => renamed(node, names)),
    inputs,
    outputs,
    initializers: model.initializers.map((entry) => withData(entry, names, data)),
  };
  const written = bits === 32 ? whole : quantizeProducts(whole, bits);
  checkSize(written);
  return encodeModel(written, { standardOnly: bits === 32 });
}

function checkSize({ initializers }: Model): void {
  const bytes = initializers.reduce((total, { data }) => total + (data?.byteLength ?? 0), 0);
  if (bytes > maximumBytes) {
    throw new BackendError(
      `onnx: weights of ${bytes} bytes do not fit in one file, whose limit is ${maximumBytes}; export the model as safetensors`,
    );
  }
}

function renamed(node: Node, names: ReadonlyMap<string, string>): Node {
  const rename = (list: readonly string[]) => list.map((name) => names.get(name) ?? name);
  return { ...node, inputs: rename(node.inputs), outputs: rename(node.outputs) };
}

function withData(
  entry: Initializer,
  names: ReadonlyMap<string, string>,
  data: ReadonlyMap<string, Float32Array>,
): Initializer {
  const name = names.get(entry.name);
  const values = name === undefined ? undefined : data.get(name);
  return name === undefined || values === undefined ? entry : { ...entry, name, data: values };
}
