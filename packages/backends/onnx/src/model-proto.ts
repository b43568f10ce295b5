/**
 * Encodes ONNX models (`ModelProto` of onnx.proto3, IR version 10) through protobufjs.
 *
 * Only the fields that the backend writes are described; names and numbers are those of onnx.proto3.
 */
import protobuf from "protobufjs/light.js";
import { type ElementType, elementTypes } from "./ort-api.js";

/** A size, or the name of one that is known when the model runs. */
export type Dimension = number | string;

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  /** `any`: of any rank. */
  readonly shape: readonly Dimension[] | "any";
}

/** A constant: its bytes inline, or left to `AddInitializer`. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data?: ArrayBufferView;
}

export type AttributeValue =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly tensor: Initializer };

export interface Node {
  readonly op: string;
  /** An empty name stands for an absent optional input or output. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** `com.microsoft` for ONNX Runtime's own operators. */
  readonly domain?: string;
}

export interface Model {
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: readonly Initializer[];
}

const irVersion = 10;
/** The operator set of ONNX 1.16, which ONNX Runtime 1.18 and later implement. */
const opsetVersion = 21;

const field = (type: string, id: number) => ({ type, id });
const list = (type: string, id: number) => ({ rule: "repeated", type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      fields: {
        irVersion: field("int64", 1),
        producerName: field("string", 2),
        graph: field("GraphProto", 7),
        opsetImport: list("OperatorSetIdProto", 8),
      },
    },
    OperatorSetIdProto: { fields: { domain: field("string", 1), version: field("int64", 2) } },
    GraphProto: {
      fields: {
        node: list("NodeProto", 1),
        name: field("string", 2),
        initializer: list("TensorProto", 5),
        input: list("ValueInfoProto", 11),
        output: list("ValueInfoProto", 12),
      },
    },
    NodeProto: {
      fields: {
        input: list("string", 1),
        output: list("string", 2),
        name: field("string", 3),
        opType: field("string", 4),
        attribute: list("AttributeProto", 5),
        domain: field("string", 7),
      },
    },
    AttributeProto: {
      fields: {
        name: field("string", 1),
        f: { type: "float", id: 2, options: { proto3_optional: true } },
        i: field("int64", 3),
        s: field("bytes", 4),
        t: field("TensorProto", 5),
        ints: list("int64", 8),
        type: field("int32", 20),
      },
    },
    TensorProto: {
      fields: {
        dims: list("int64", 1),
        dataType: field("int32", 2),
        name: field("string", 8),
        rawData: field("bytes", 9),
        externalData: list("StringStringEntryProto", 13),
        dataLocation: field("int32", 14),
      },
    },
    StringStringEntryProto: { fields: { key: field("string", 1), value: field("string", 2) } },
    ValueInfoProto: { fields: { name: field("string", 1), type: field("TypeProto", 2) } },
    TypeProto: { fields: { tensorType: field("TensorTypeProto", 1) } },
    TensorTypeProto: { fields: { elemType: field("int32", 1), shape: field("TensorShapeProto", 2) } },
    TensorShapeProto: { fields: { dim: list("DimensionProto", 1) } },
    DimensionProto: {
      fields: { dimValue: field("int64", 1), dimParam: field("string", 2) },
      oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
    },
  },
});

/** Numbers of `AttributeProto.AttributeType`. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function tensorMessage(tensor: Initializer): object {
  const head = { name: tensor.name, dims: tensor.shape, dataType: elementTypes[tensor.type] };
  if (tensor.data !== undefined) return { ...head, rawData: bytesOf(tensor.data) };
  const external = 1; // DataLocation.EXTERNAL
  // Never opened, since the values are handed over in memory; but it must be there, at or below the working directory.
  return { ...head, dataLocation: external, externalData: [{ key: "location", value: "." }] };
}

function attributeMessage(name: string, value: AttributeValue): object {
  if ("int" in value) return { name, type: attributeTypes.int, i: value.int };
  if ("float" in value) return { name, type: attributeTypes.float, f: value.float };
  if ("string" in value) return { name, type: attributeTypes.string, s: Buffer.from(value.string, "utf8") };
  if ("ints" in value) return { name, type: attributeTypes.ints, ints: value.ints };
  return { name, type: attributeTypes.tensor, t: tensorMessage(value.tensor) };
}

function nodeMessage(node: Node, index: number): object {
  return {
    input: node.inputs,
    output: node.outputs,
    name: `${node.op}_${index}`,
    opType: node.op,
    domain: node.domain ?? "",
    attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => attributeMessage(name, value)),
  };
}

function valueInfoMessage({ name, type, shape }: ValueInfo): object {
  const elemType = elementTypes[type];
  if (shape === "any") return { name, type: { tensorType: { elemType } } };
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/**
 * The bytes of a model, as `CreateSessionFromArray` takes them.
 * @param standardOnly - leave ONNX Runtime's own operators undeclared
 */
export function encodeModel(model: Model, { standardOnly = false } = {}): Uint8Array {
  const message = {
    irVersion,
    producerName: "alignkit",
    opsetImport: [
      { domain: "", version: opsetVersion },
      ...(standardOnly ? [] : [{ domain: "com.microsoft", version: 1 }]),
    ],
    graph: {
      name: "graph",
      node: model.nodes.map(nodeMessage),
      initializer: model.initializers.map(tensorMessage),
      input: model.inputs.map(valueInfoMessage),
      output: model.outputs.map(valueInfoMessage),
    },
  };
  return root.lookupType("ModelProto").encode(message).finish();
}
