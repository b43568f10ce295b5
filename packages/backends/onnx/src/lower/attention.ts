import type { Operation, OpName, Tensor } from "@alignkit/core";
import type { Size } from "../dimensions.js";
import { elementTypes } from "../ort-api.js";
import type { LowerTable } from "./lowering.js";

/** Results that are written over an input: position of that input, by result. */
export const overwrites: Readonly<Partial<Record<OpName, readonly (number | undefined)[]>>> = {
  cachedAttention: [undefined, 3, 4],
};

/** ONNX Runtime's operator takes heads whose width is a multiple of 8. */
export const isWholeAttention = ({ inputs }: Operation): boolean =>
  ((inputs[0] as Tensor).shape[3] as number) % 8 === 0;

export const attention = {
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
    const [, heads, , width] = queries.shape as [number, number, number, number];
    const groups = keys.shape[1] as number;
    // `[B, heads, 1, Dh]` lies as `[B, 1, heads * Dh]` does.
    const rowsOf = (tensor: Tensor, count: number) =>
      lowering.emit("Reshape", [lowering.name(tensor), lowering.int64s([-1, 1, count * width])]);
    // Only compared with the number of new tokens, to tell the first of all from later ones.
    const slots = lowering.shape([lowering.sizesOf(pastKeys)[2] as Size]);
    const total = lowering.emit("Cast", [slots], { attributes: { to: { int: elementTypes.int32 } } });
    const inputs = [
      rowsOf(queries, heads),
      rowsOf(keys, groups),
      rowsOf(values, groups),
      lowering.name(pastKeys),
      lowering.name(pastValues),
      lowering.name(lengths),
      total,
    ];
    const [attended, nextKeys, nextValues] = lowering.emitMany("GroupQueryAttention", inputs, 3, {
      domain: "com.microsoft",
      attributes: {
        num_heads: { int: heads },
        kv_num_heads: { int: groups },
        scale: { float: scale },
        local_window_size: { int: slidingWindow ?? -1 },
      },
    }) as [string, string, string];
    return [
      lowering.emit("Reshape", [attended, lowering.int64s([-1, heads, 1, width])]),
      nextKeys,
      nextValues,
    ];
  },
} satisfies LowerTable;
