/**
 * Encodes a graph of TensorFlow as a SavedModel (saved_model.proto, graph.proto) through protobufjs.
 *
 * Only the fields that the backend writes are described; names and numbers are those of TensorFlow's protobuf files.
 */
import type { DType, HostTensor, Shape } from "@alignkit/core";
import protobuf from "protobufjs/light.js";

export type AttributeValue =
  | { readonly type: DType }
  | { readonly int: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly shape: Shape | "any" }
  | { readonly tensor: HostTensor }
  | { readonly types: readonly DType[] }
  | { readonly shapes: readonly Shape[] }
  | { readonly function: string; readonly attributes: Attributes };

export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface Node {
  readonly name: string;
  readonly op: string;
  /** `node`, `node:1` for its second result, `^node` for one that only has to run before. */
  readonly inputs: readonly string[];
  readonly attributes: Attributes;
}

/** A function of TensorFlow, for nodes that call one. */
export interface FunctionDefinition {
  readonly name: string;
  readonly inputs: readonly { readonly name: string; readonly dtype: DType }[];
  readonly nodes: readonly Node[];
  /** `from` is the node. */
  readonly outputs: readonly { readonly from: string; readonly dtype: DType }[];
}

/** The version of graphs that TensorFlow 2.9 makes; later ones read it. */
const producerVersion = 1087;

/** Numbers of `DataType` in types.proto. */
const dataTypes: Readonly<Record<DType, number>> = { float32: 1, int32: 3, bool: 10 };

const field = (type: string, id: number) => ({ type, id });
const map = (keyType: string, type: string, id: number) => ({ keyType, type, id });
const list = (type: string, id: number) => ({ rule: "repeated", type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    SavedModel: {
      fields: { savedModelSchemaVersion: field("int64", 1), metaGraphs: list("MetaGraphDef", 2) },
    },
    MetaGraphDef: { fields: { metaInfoDef: field("MetaInfoDef", 1), graphDef: field("GraphDef", 2) } },
    MetaInfoDef: { fields: { tags: list("string", 4) } },
    GraphDef: {
      fields: {
        node: list("NodeDef", 1),
        library: field("FunctionDefLibrary", 2),
        versions: field("VersionDef", 4),
      },
    },
    FunctionDefLibrary: { fields: { function: list("FunctionDef", 1) } },
    FunctionDef: {
      fields: {
        signature: field("OpDef", 1),
        nodeDef: list("NodeDef", 3),
        ret: map("string", "string", 4),
      },
    },
    OpDef: {
      fields: { name: field("string", 1), inputArg: list("ArgDef", 2), outputArg: list("ArgDef", 3) },
    },
    ArgDef: { fields: { name: field("string", 1), type: field("int32", 3) } },
    VersionDef: { fields: { producer: field("int32", 1) } },
    NodeDef: {
      fields: {
        name: field("string", 1),
        op: field("string", 2),
        input: list("string", 3),
        attr: map("string", "AttrValue", 5),
      },
    },
    AttrValue: {
      fields: {
        s: field("bytes", 2),
        i: field("int64", 3),
        b: field("bool", 5),
        type: field("int32", 6),
        shape: field("TensorShapeProto", 7),
        tensor: field("TensorProto", 8),
        list: field("ListValue", 1),
        func: field("NameAttrList", 10),
      },
      oneofs: { value: { oneof: ["s", "i", "b", "type", "shape", "tensor", "list", "func"] } },
    },
    ListValue: { fields: { type: list("int32", 6), shape: list("TensorShapeProto", 7) } },
    NameAttrList: { fields: { name: field("string", 1), attr: map("string", "AttrValue", 2) } },
    TensorShapeProto: { fields: { dim: list("Dim", 2), unknownRank: field("bool", 3) } },
    Dim: { fields: { size: field("int64", 1) } },
    TensorProto: {
      fields: {
        dtype: field("int32", 1),
        tensorShape: field("TensorShapeProto", 2),
        tensorContent: field("bytes", 4),
      },
    },
  },
});

const shapeMessage = (shape: Shape | "any"): object =>
  shape === "any" ? { unknownRank: true } : { dim: shape.map((size) => ({ size })) };

function attributeMessage(value: AttributeValue): object {
  if ("type" in value) return { type: dataTypes[value.type] };
  if ("int" in value) return { i: value.int };
  if ("bool" in value) return { b: value.bool };
  if ("string" in value) return { s: Buffer.from(value.string, "utf8") };
  if ("shape" in value) return { shape: shapeMessage(value.shape) };
  if ("types" in value) return { list: { type: value.types.map((dtype) => dataTypes[dtype]) } };
  if ("shapes" in value) return { list: { shape: value.shapes.map(shapeMessage) } };
  if ("function" in value)
    return { func: { name: value.function, attr: attributesMessage(value.attributes) } };
  const { type, data } = value.tensor;
  return {
    tensor: {
      dtype: dataTypes[type.dtype],
      tensorShape: shapeMessage(type.shape),
      tensorContent: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    },
  };
}

const attributesMessage = (attributes: Attributes): object =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeMessage(value)]));

const nodeMessage = ({ name, op, inputs, attributes }: Node): object => ({
  name,
  op,
  input: inputs,
  attr: attributesMessage(attributes),
});

/** Operators by the name of their result, which functions ask for; that of the others is `output`. */
const resultNames: Readonly<Record<string, readonly string[]>> = {
  y: "Abs Cast Cos DeepCopy Erf Exp InplaceAdd InplaceUpdate Log LogicalNot Neg Rsqrt Sigmoid Sin Sqrt Square Tanh Transpose".split(
    " ",
  ),
  z: "AddV2 Equal Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mul RealDiv SquaredDifference Sub".split(
    " ",
  ),
  product: ["MatMul", "_MklMatMul"],
  softmax: ["Softmax"],
  logsoftmax: ["LogSoftmax"],
};

function functionMessage({ name, inputs, nodes, outputs }: FunctionDefinition): object {
  const ops = new Map(nodes.map((node) => [node.name, node.op]));
  const reference = (from: string): string => {
    const op = ops.get(from);
    if (op === undefined) return from;
    const [result = "output"] = Object.entries(resultNames).find(([, names]) => names.includes(op)) ?? [];
    return `${from}:${result}:0`;
  };
  const argument = (argumentName: string, dtype: DType) => ({ name: argumentName, type: dataTypes[dtype] });
  return {
    signature: {
      name,
      inputArg: inputs.map((input) => argument(input.name, input.dtype)),
      outputArg: outputs.map(({ dtype }, index) => argument(`result_${index}`, dtype)),
    },
    nodeDef: nodes.map((node) => nodeMessage({ ...node, inputs: node.inputs.map(reference) })),
    ret: Object.fromEntries(outputs.map(({ from }, index) => [`result_${index}`, reference(from)])),
  };
}

/** The tag under which a graph lies in its SavedModel. */
export const graphTag = "alignkit";

/** The bytes of `saved_model.pb`. */
export function encodeSavedModel(
  nodes: readonly Node[],
  functions: readonly FunctionDefinition[],
): Uint8Array {
  const graphDef = {
    node: nodes.map(nodeMessage),
    library: { function: functions.map(functionMessage) },
    versions: { producer: producerVersion },
  };
  const message = {
    savedModelSchemaVersion: 1,
    metaGraphs: [{ metaInfoDef: { tags: [graphTag] }, graphDef }],
  };
  return root.lookupType("SavedModel").encode(message).finish();
}
