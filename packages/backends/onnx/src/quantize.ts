/**
 * Weights of matrix products in 8 or 4 bits, for the operator `MatMulNBits` of ONNX Runtime.
 *
 * Along the inner axis, each {@link blockSize} numbers of a column share a scale. Numbers are `(code - zero) * scale` with
 * `zero` in the middle of the codes, and the scale is such that the number farthest from 0 is code 0 exactly: one code
 * more on its side than on the other.
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
 */
import { sizeOf } from "@alignkit/core";
import type { Initializer, Model, Node } from "./model-proto.js";

export type QuantizedBits = 4 | 8;

/** Numbers that share a scale. */
export const blockSize = 32;

/**
 * `accuracy_level`: the other side of a product may be rounded to 8 bits, each block by itself. Without it a step of a 124M
 * model took 1424 ms in 8 bits on two cores, and 28 with it; in 4 bits 34 and 24; in float32 59.
 */
const int8Inputs = 4;

/** A matrix in the layout that `MatMulNBits` reads. */
export interface QuantizedMatrix {
  /** `[N, ceil(K / 32), 32 * bits / 8]`; of 4 bits the first of two codes is the lower half of a byte. */
  readonly codes: Uint8Array;
  /** `[N, ceil(K / 32)]` */
  readonly scales: Float32Array;
}

/**
 * @param weight - `[K, N]`, or `[N, K]` where `transposed`
 * @param inner - K
 * @param outer - N
 */
export function quantizeMatrix(
  weight: Float32Array,
  { inner, outer, transposed, bits }: QuantizeOptions,
): QuantizedMatrix {
  const blocks = Math.ceil(inner / blockSize);
  const blobSize = (blockSize * bits) / 8;
  const zero = 2 ** (bits - 1);
  // Places past the end of the inner axis are 0.
  const codes = new Uint8Array(outer * blocks * blobSize).fill(bits === 8 ? zero : zero | (zero << 4));
  const scales = new Float32Array(outer * blocks);
  const [stepInner, stepOuter] = transposed ? [1, inner] : [outer, 1];
  for (let column = 0; column < outer; column++) {
    for (let block = 0; block < blocks; block++) {
      const first = block * blockSize;
      const length = Math.min(blockSize, inner - first);
      const start = column * stepOuter + first * stepInner;
      let farthest = 0;
      for (let index = 0; index < length; index++) {
        const value = weight[start + index * stepInner] as number;
        if (Math.abs(value) > Math.abs(farthest)) farthest = value;
      }
      if (farthest === 0) continue;
      const at = column * blocks + block;
      const scale = Math.fround(farthest / -zero);
      scales[at] = scale;
      for (let index = 0; index < length; index++) {
        const value = weight[start + index * stepInner] as number;
        const code = Math.min(2 * zero - 1, Math.max(0, Math.round(value / scale) + zero));
        if (bits === 8) codes[at * blobSize + index] = code;
        else {
          const place = at * blobSize + (index >> 1);
          const both = codes[place] as number;
          codes[place] = index % 2 === 0 ? (both & 0xf0) | code : (both & 0x0f) | (code << 4);
        }
      }
    }
  }
  return { codes, scales };
}

export interface QuantizeOptions {
  readonly inner: number;
  readonly outer: number;
  readonly transposed: boolean;
  readonly bits: QuantizedBits;
}

/**
 * The same model with the weights of its matrix products quantized: those that stand in it as matrices. Embeddings,
 * norms and biases stay as they are, and so does a matrix that something else reads as well, beside its quantized copy.
 */
export function quantizeProducts(model: Model, bits: QuantizedBits): Model {
  const weights = new Map(model.initializers.map((entry) => [entry.name, entry]));
  const quantized = new Map<string, readonly Initializer[]>();
  const nodes = model.nodes.flatMap((node): readonly Node[] => {
    const product = productOf(node, weights);
    if (product === undefined) return [node];
    const { weight, inner, outer, transposed } = product;
    const [input = "", , bias] = node.inputs;
    const [output = ""] = node.outputs;
    const codes = `${weight.name}.${transposed ? "" : "transposed."}q${bits}`;
    const scales = `${codes}.scales`;
    if (!quantized.has(codes)) {
      const blocks = Math.ceil(inner / blockSize);
      const matrix = quantizeMatrix(weight.data as Float32Array, { inner, outer, transposed, bits });
      quantized.set(codes, [
        { name: codes, type: "uint8", shape: [outer, blocks, (blockSize * bits) / 8], data: matrix.codes },
        { name: scales, type: "float32", shape: [outer, blocks], data: matrix.scales },
      ]);
    }
    const attributes = {
      K: { int: inner },
      N: { int: outer },
      bits: { int: bits },
      block_size: { int: blockSize },
      accuracy_level: { int: int8Inputs },
    };
    const domain = "com.microsoft";
    const inputs = [input, codes, scales];
    if (bias === undefined) return [{ op: "MatMulNBits", inputs, outputs: [output], attributes, domain }];
    const plain = `${output}.product`;
    return [
      { op: "MatMulNBits", inputs, outputs: [plain], attributes, domain },
      { op: "Add", inputs: [plain, bias], outputs: [output] },
    ];
  });
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const initializers = [...model.initializers, ...[...quantized.values()].flat()];
  return { ...model, nodes, initializers: initializers.filter(({ name }) => read.has(name)) };
}

/** A product by a weight matrix, with nothing else in it than a bias. */
function productOf({ op, inputs, attributes = {} }: Node, weights: ReadonlyMap<string, Initializer>) {
  const weight = weights.get(inputs[1] ?? "");
  if (weight === undefined || !(weight.data instanceof Float32Array) || weight.shape.length !== 2)
    return undefined;
  if (op !== "Gemm" && op !== "MatMul") return undefined;
  const isSet = (name: string) =>
    "int" in (attributes[name] ?? {}) && (attributes[name] as { int: number }).int === 1;
  if (isSet("transA") || "alpha" in attributes || sizeOf(weight.shape) === 0) return undefined;
  const transposed = isSet("transB");
  const [first, second] = weight.shape as [number, number];
  return { weight, transposed, inner: transposed ? second : first, outer: transposed ? first : second };
}
