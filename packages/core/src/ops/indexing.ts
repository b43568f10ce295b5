import { BackendError } from "../errors.js";
import type { Tensor } from "../tensor.js";
import { type HostTensor, sizeOf } from "../types.js";
import type { OpName } from "./attributes.js";
import { reshape, scatterAddRows, scatterAlongLast, takeAlongLast, takeRows, zeros } from "./build.js";
import { only, type PrimitivePart } from "./definition.js";

type Indexing = "takeRows" | "scatterAddRows" | "takeAlongLast" | "scatterAlongLast" | "updateSlice";

function checkedId(op: string, ids: HostTensor, position: number, size: number): number {
  const id = ids.data[position] as number;
  if (id < 0 || id >= size) throw outside(op, id, position, size);
  return id;
}

const outside = (op: string, id: number, position: number, size: number): BackendError =>
  new BackendError(`${op}: id ${id} at position ${position} is outside 0..${size - 1}`);

/**
 * For kernels that take ids, on engines that would compute something with any id.
 * @param size - of the axis that the ids point into
 * @throws {BackendError} naming the first id outside `0 .. size - 1`
 */
export function checkIds(op: OpName, ids: ArrayLike<number>, size: number): void {
  for (let position = 0; position < ids.length; position++) {
    const id = ids[position] as number;
    if (id < 0 || id >= size) throw outside(op, id, position, size);
  }
}

/** @throws {BackendError} when `length` entries from `first` on leave an axis of `size` */
export function checkRange(op: OpName, first: number, length: number, size: number): void {
  if (first >= 0 && first + length <= size) return;
  throw new BackendError(`${op}: ${length} entries from ${first} on do not fit an axis of ${size}`);
}

export const indexing: PrimitivePart<Indexing> = {
  takeRows: {
    evaluate: (inputs, _, outputs) => {
      const [table, ids] = [inputs[0]!, inputs[1]!];
      const width = sizeOf(table.type.shape.slice(1));
      for (let n = 0; n < ids.data.length; n++) {
        const id = checkedId("takeRows", ids, n, table.type.shape[0] as number);
        outputs[0]!.data.set(table.data.subarray(id * width, (id + 1) * width), n * width);
      }
    },
    gradient: ({ inputs: [table, ids], gradients }) => {
      if (table!.dtype !== "float32") return [undefined, undefined];
      const count = sizeOf(ids!.shape);
      const rows = reshape(only(gradients), [count, ...table!.shape.slice(1)]);
      return [scatterAddRows(zeros(table!.shape), reshape(ids!, [count]), rows), undefined];
    },
  },
  scatterAddRows: {
    evaluate: (inputs, _, outputs) => {
      const [base, ids, rows] = [inputs[0]!, inputs[1]!, inputs[2]!];
      const out = outputs[0]!.data;
      out.set(base.data);
      const width = sizeOf(base.type.shape.slice(1));
      for (let n = 0; n < ids.data.length; n++) {
        const id = checkedId("scatterAddRows", ids, n, base.type.shape[0] as number);
        for (let i = 0; i < width; i++)
          out[id * width + i] = (out[id * width + i] as number) + (rows.data[n * width + i] as number);
      }
    },
    gradient: ({ inputs: [, ids], gradients }) => [
      only(gradients),
      undefined,
      takeRows(only(gradients), ids!),
    ],
  },
  takeAlongLast: {
    evaluate: (inputs, _, outputs) => {
      const [x, ids] = [inputs[0]!, inputs[1]!];
      const width = x.type.shape.at(-1) as number;
      for (let n = 0; n < ids.data.length; n++) {
        outputs[0]!.data[n] = x.data[n * width + checkedId("takeAlongLast", ids, n, width)] as number;
      }
    },
    gradient: ({ inputs: [x, ids], gradients }) => [
      scatterAlongLast(only(gradients), ids!, x!.shape.at(-1) as number),
      undefined,
    ],
  },
  scatterAlongLast: {
    evaluate: (inputs, { size }, outputs) => {
      const [values, ids] = [inputs[0]!, inputs[1]!];
      for (let n = 0; n < ids.data.length; n++) {
        outputs[0]!.data[n * size + checkedId("scatterAlongLast", ids, n, size)] = values.data[n] as number;
      }
    },
    gradient: ({ inputs: [, ids], gradients }): (Tensor | undefined)[] => [
      takeAlongLast(only(gradients), ids!),
      undefined,
    ],
  },
  updateSlice: {
    evaluate: (inputs, { axis }, outputs) => {
      const [base, update, start] = [inputs[0]!, inputs[1]!, inputs[2]!];
      const shape = base.type.shape;
      const first = start.data[0] as number;
      const length = update.type.shape[axis] as number;
      const size = shape[axis] as number;
      checkRange("updateSlice", first, length, size);
      const width = sizeOf(shape.slice(axis + 1));
      const out = outputs[0]!.data;
      out.set(base.data);
      for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
        const chunk = update.data.subarray(outer * length * width, (outer + 1) * length * width);
        out.set(chunk, (outer * size + first) * width);
      }
    },
    // Written for inference caches, which are not differentiated.
    gradient: null,
  },
};
