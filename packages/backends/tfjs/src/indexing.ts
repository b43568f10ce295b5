import { checkIds, checkRange, type KernelTable, type OpName, sizeOf } from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LoadedEngine } from "./load-engine.js";

type IndexingKernels = Pick<
  KernelTable<Tensor>,
  "takeRows" | "scatterAddRows" | "takeAlongLast" | "scatterAlongLast" | "updateSlice"
>;

/** Kernels that take ids. These are read and checked first: engines differ in what they do with one outside the table. */
export function indexingKernels({ tf, scoped }: LoadedEngine): IndexingKernels {
  const column = (ids: Int32Array) => tf.tensor2d(ids, [ids.length, 1], "int32");
  return {
    takeRows: async ([table, ids], _, [type]) => {
      const rows = await readIds("takeRows", ids!, table!.shape[0]!);
      // Row by row; in WebAssembly `gather` takes 40 times as long.
      return scoped(() => [tf.reshape(tf.gatherND(table!, column(rows)), [...type!.shape])]);
    },
    scatterAddRows: async ([base, ids, rows]) => {
      const targets = await readIds("scatterAddRows", ids!, base!.shape[0]!);
      return scoped(() => [tf.add(base!, tf.scatterND(column(targets), rows!, base!.shape))]);
    },
    takeAlongLast: async ([x, ids], _, [type]) => {
      const places = placesAlong(await readIds("takeAlongLast", ids!, x!.shape.at(-1)!), x!.shape.at(-1)!);
      return scoped(() => [
        tf.reshape(tf.gather(tf.reshape(x!, [x!.size]), tf.tensor1d(places, "int32")), [...type!.shape]),
      ]);
    },
    scatterAlongLast: async ([values, ids], { size }, [type]) => {
      const places = placesAlong(await readIds("scatterAlongLast", ids!, size), size);
      return scoped(() => {
        const flat = tf.scatterND(column(places), tf.reshape(values!, [values!.size]), [sizeOf(type!.shape)]);
        return [tf.reshape(flat, [...type!.shape])];
      });
    },
    updateSlice: async ([base, update, start], { axis }) => {
      const first = (await start!.data<"int32">())[0]!;
      const [length, size] = [update!.shape[axis]!, base!.shape[axis]!];
      checkRange("updateSlice", first, length, size);
      const between = (from: number, to: number) =>
        tf.slice(
          base!,
          base!.shape.map((_, other) => (other === axis ? from : 0)),
          base!.shape.map((all, other) => (other === axis ? to - from : all)),
        );
      return scoped(() => [
        tf.concat(
          [
            ...(first > 0 ? [between(0, first)] : []),
            update!,
            ...(first + length < size ? [between(first + length, size)] : []),
          ],
          axis,
        ),
      ]);
    },
  };
}

/** @throws {BackendError} when an id is outside `0 .. size - 1` */
export async function readIds(op: OpName, tensor: Tensor, size: number): Promise<Int32Array> {
  // Copied: on some engines what is read is the tensor's own memory.
  const ids = (await tensor.data<"int32">()).slice();
  checkIds(op, ids, size);
  return ids;
}

/** Flat positions of the id of each row in rows of `width`. */
const placesAlong = (ids: Int32Array, width: number): Int32Array => ids.map((id, row) => row * width + id);
