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
  | { readonly tensor: HostTensor };

export interface Node {
  readonly name: string;
  readonly op: string;
  /** `node`, `node:1` for its second result, `^node` for one that only has to run before. */
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
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
    GraphDef: { fields: { node: list("NodeDef", 1), versions: field("VersionDef", 4) } },
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
      },
      oneofs: { value: { oneof: ["s", "i", "b", "type", "shape", "tensor"] } },
    },
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
  const { type, data } = value.tensor;
  return {
    tensor: {
      dtype: dataTypes[type.dtype],
      tensorShape: shapeMessage(type.shape),
      tensorContent: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    },
  };
}

function nodeMessage({ name, op, inputs, attributes }: Node): object {
  const attr = Object.entries(attributes).map(([key, value]) => [key, attributeMessage(value)]);
  return { name, op, input: inputs, attr: Object.fromEntries(attr) };
}

/** The tag under which a graph lies in its SavedModel. */
export const graphTag = "alignkit";

/** The bytes of `saved_model.pb`. */
export function encodeSavedModel(nodes: readonly Node[]): Uint8Array {
  const graphDef = { node: nodes.map(nodeMessage), versions: { producer: producerVersion } };
  const message = {
    savedModelSchemaVersion: 1,
    metaGraphs: [{ metaInfoDef: { tags: [graphTag] }, graphDef }],
  };
  return root.lookupType("SavedModel").encode(message).finish();
}
