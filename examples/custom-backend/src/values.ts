import type { HostData, HostTensor, Shape, TensorType } from "@alignkit/core";
import { numpy } from "@jax-js/jax";

/** A value of this backend. */
export type Value = numpy.Array;

/** Copies. Bytes are no type of jax-js, so bools come as numbers that are not 0. */
export function fromHost({ type: { dtype, shape }, data }: HostTensor): Value {
  const copy = dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data);
  const array = numpy.array(copy, { shape: [...shape] });
  return dtype === "bool" ? array.astype(numpy.bool) : array;
}

/** Counts along an axis. */
export function iota(shape: Shape, axis: number): Value {
  const row = shape.map((size, other) => (other === axis ? size : 1));
  const counted = numpy.arange(0, shape[axis]!, 1, { dtype: numpy.int32 });
  return numpy.broadcastTo(counted.reshape(row), [...shape]);
}

/** Copies. */
export async function toHost(array: Value, type: TensorType): Promise<HostTensor> {
  return { type, data: (await array.ref.data()).slice() as HostData };
}
