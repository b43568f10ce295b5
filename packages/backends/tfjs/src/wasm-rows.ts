import type { Tensor } from "@tensorflow/tfjs-core";
import type { Tf } from "./load-engine.js";

/**
 * Writes rows at their places of a table where it lies: tensors of its last axis, by their number.
 * @returns false, having written nothing, when other tensors share the memory
 */
export type OverwriteRows = (table: Tensor, rows: Tensor, places: Int32Array) => boolean;

/** In the memory of the WebAssembly engine. */
export function wasmOverwriteRows(tf: Tf): OverwriteRows {
  const engine = tf.backend() as unknown as WasmEngine;
  return (table, rows, places) => {
    if (engine.refCount(table.dataId) !== 1) return false;
    const width = table.shape.at(-1) as number;
    // Anew each time: memory that grows gets another buffer.
    const [to, from] = [engine.typedArrayFromHeap(table), engine.typedArrayFromHeap(rows)];
    for (const [row, place] of places.entries()) {
      to.set(from.subarray(row * width, (row + 1) * width), place * width);
    }
    return true;
  };
}

/** Of tfjs's engine. */
interface WasmEngine {
  /** How many tensors share the memory: a reshaped tensor has that of the one that it was made of. */
  refCount(id: object): number;
  typedArrayFromHeap(tensor: Tensor): Float32Array;
}
