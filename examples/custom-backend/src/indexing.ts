import { checkIds, checkRange, type KernelTable } from "@alignkit/core";
import { numpy, vjp } from "@jax-js/jax";
import { iota, type Value } from "./values.js";

type IndexingKernels = Pick<
  KernelTable<Value>,
  "takeRows" | "scatterAddRows" | "takeAlongLast" | "scatterAlongLast" | "updateSlice"
>;

/** Kernels that take ids. These are read and checked first: jax-js computes something with any id. */
export const indexingKernels: IndexingKernels = {
  takeRows: async ([table, ids]) => {
    checkIds("takeRows", await read(ids!), table!.shape[0]!);
    return [numpy.take(table!.ref, ids!.ref, 0)];
  },
  scatterAddRows: async ([base, ids, rows]) => {
    checkIds("scatterAddRows", await read(ids!), base!.shape[0]!);
    return [numpy.add(base!.ref, addedRows(base!, ids!, rows!))];
  },
  takeAlongLast: async ([x, ids]) => {
    checkIds("takeAlongLast", await read(ids!), x!.shape.at(-1)!);
    const column = ids!.ref.reshape([...ids!.shape, 1]);
    return [numpy.takeAlongAxis(x!.ref, column, -1).reshape(ids!.shape)];
  },
  scatterAlongLast: async ([values, ids], { size }, [type]) => {
    checkIds("scatterAlongLast", await read(ids!), size);
    const column = (x: Value) => x.ref.reshape([...x.shape, 1]);
    const isPlace = numpy.equal(iota(type!.shape, type!.shape.length - 1), column(ids!));
    return [numpy.where(isPlace, column(values!), 0)];
  },
  updateSlice: async ([base, update, start], { axis }) => {
    const first = (await read(start!))[0]!;
    const [length, size] = [update!.shape[axis]!, base!.shape[axis]!];
    checkRange("updateSlice", first, length, size);
    const between = (from: number, to: number) =>
      base!.ref.slice(
        ...base!.shape.map((all, other): [number, number] => (other === axis ? [from, to] : [0, all])),
      );
    const parts = [
      ...(first > 0 ? [between(0, first)] : []),
      update!.ref,
      ...(first + length < size ? [between(first + length, size)] : []),
    ];
    return [numpy.concatenate(parts, axis)];
  },
};

const read = async (ids: Value): Promise<Int32Array> => (await ids.ref.data()) as Int32Array;

/** Rows at their places, those of equal ids added up. jax-js has no such function, but it is the gradient of `take`. */
function addedRows(base: Value, ids: Value, rows: Value): Value {
  const [taken, pull] = vjp((table: Value) => numpy.take(table, ids.ref, 0), [numpy.zeros(base.shape)]);
  taken.dispose();
  const [sums] = pull(rows.ref) as [Value];
  pull.dispose();
  return sums;
}
