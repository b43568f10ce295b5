import type { Operation, OpName, Tensor } from "@alignkit/core";
import type { Size } from "../dimensions.js";
import { elementTypes } from "../ort-api.js";
import type { Lowering, LowerTable } from "./lowering.js";

/** Results that are written over an input: position of that input, by result. */
export const overwrites: Readonly<Partial<Record<OpName, readonly (number | undefined)[]>>> = {
  cachedAttention: [undefined, 3, 4],
};

/** ONNX Runtime's operator takes heads whose width is a multiple of 8. */
export const isWholeAttention = ({ inputs }: Operation): boolean =>
  ((inputs[3] as Tensor).shape[3] as number) % 8 === 0;

/**
 * ONNX Runtime's rotation has one angle for each pair of columns: cosines and sines of angles that stand side by side
 * twice, as models have them; negative sines turn back.
 */
export function isWholeRotation({ inputs }: Operation): boolean {
  const isPaired = (tensor: Tensor, op: "cos" | "sin"): boolean => {
    const { operation } = tensor;
    if (operation.op === "neg") return isPaired(operation.inputs[0] as Tensor, op);
    const angles = operation.inputs[0]?.operation;
    return operation.op === op && angles?.op === "concat" && isTwice(angles);
  };
  return isPaired(inputs[1] as Tensor, "cos") && isPaired(inputs[2] as Tensor, "sin");
}

/** Whether a concatenation, along the last of four axes, is of one tensor and itself. */
function isTwice({ inputs, attributes }: Operation): boolean {
  const { axis } = attributes as Operation<"concat">["attributes"];
  const [first, second, ...more] = inputs as readonly [Tensor, Tensor?];
  return (
    axis === 3 && more.length === 0 && first.operation === second?.operation && first.index === second.index
  );
}

/** The matrix that slices of its columns make up side by side, in this order. */
function wholeOf(slices: readonly Tensor[]): Tensor | undefined {
  const whole = slices[0]?.operation.inputs[0];
  let end = 0;
  for (const { operation, shape } of slices) {
    const isNext =
      operation.op === "slice" &&
      operation.inputs[0] === whole &&
      (operation as Operation<"slice">).attributes.starts[1] === end &&
      shape[0] === whole?.shape[0];
    if (!isNext) return undefined;
    end += shape[1] as number;
  }
  return end === whole?.shape[1] ? whole : undefined;
}

/**
 * Rows whose first columns, the queries, are times a factor.
 *
 * Queries without a factor left are what ONNX Runtime multiplies by the processor's vector instructions, where it gives
 * the scores as well, which nothing reads: its way that does without them has plainer loops. 16 rows take 0.8 of the time
 * at 124M parameters, and 0.7 at 135M with three query heads to a key head.
 */
function scaled(lowering: Lowering, rows: string, width: number, queries: number, factor: number): string {
  if (queries === width) return lowering.emit("Mul", [rows, lowering.scalar(factor, "float32")]);
  const factors = new Float32Array(width).fill(factor, 0, queries).fill(1, queries);
  return lowering.emit("Mul", [rows, lowering.initializer(factors, "float32", [width])]);
}

export const attention = {
  rotary: (lowering, operation) => {
    const [x, cosine, sine] = operation.inputs as readonly Tensor[] as [Tensor, Tensor, Tensor];
    const half = (x.shape[3] as number) / 2;
    // What all layers share, ONNX Runtime computes once.
    const table = (tensor: Tensor) => {
      const columns = [0, half, 3].map((value) => lowering.int64s([value]));
      const left = lowering.emit("Slice", [lowering.name(tensor), ...columns]);
      return lowering.emit("Reshape", [left, lowering.int64s([-1, half])]);
    };
    const [cosines, sines] = [table(cosine), table(sine)];
    const rows = lowering.emit("Gather", [lowering.emit("Shape", [cosines]), lowering.int64(0)]);
    const all = lowering.emit("Range", [lowering.int64(0), rows, lowering.int64(1)]);
    const [ownBatch, , length] = lowering.sizesOf(cosine) as readonly [Size, Size, Size];
    const [batch] = lowering.sizesOf(x) as readonly [Size];
    const own = lowering.emit("Reshape", [all, lowering.shape([ownBatch, length])]);
    const places = lowering.emit("Expand", [own, lowering.shape([batch, length])]);
    return [
      lowering.emit("RotaryEmbedding", [lowering.name(x), places, cosines, sines], {
        domain: "com.microsoft",
      }),
    ];
  },
  cachedAttention: (lowering, operation) => {
    const { scale, slidingWindow } = operation.attributes;
    const [queries, keys, values, pastKeys, pastValues, lengths] = operation.inputs as readonly Tensor[] as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const [, groups, , width] = pastKeys.shape as [number, number, number, number];
    const size = queries.shape[1] as number;
    const steps = (tensor: Tensor) =>
      lowering.emit("Reshape", [lowering.name(tensor), lowering.int64s([-1, 1, tensor.shape[1] as number])]);
    // Only compared with the number of new tokens, to tell the first of all from later ones.
    const slots = lowering.shape([lowering.sizesOf(pastKeys)[2] as Size]);
    const total = lowering.emit("Cast", [slots], { attributes: { to: { int: elementTypes.int32 } } });
    const whole = wholeOf([queries, keys, values]);
    const projections =
      whole === undefined
        ? [scaled(lowering, steps(queries), size, size, scale), steps(keys), steps(values)]
        : [scaled(lowering, steps(whole), whole.shape[1] as number, size, scale), "", ""];
    const inputs = [
      ...projections,
      lowering.name(pastKeys),
      lowering.name(pastValues),
      lowering.name(lengths),
      total,
    ];
    const [attended, nextKeys, nextValues] = lowering.emitMany("GroupQueryAttention", inputs, 4, {
      domain: "com.microsoft",
      attributes: {
        num_heads: { int: size / width },
        kv_num_heads: { int: groups },
        scale: { float: 1 },
        qk_output: { int: 1 },
        local_window_size: { int: slidingWindow ?? -1 },
      },
    }) as [string, string, string];
    return [lowering.emit("Reshape", [attended, lowering.int64s([-1, size])]), nextKeys, nextValues];
  },
} satisfies LowerTable;
