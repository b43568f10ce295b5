/** Element types that every backend knows. */
export type DType = "float32" | "int32" | "bool";

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** What is known of a tensor while tracing. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/**
 * Memory of a tensor on the host, row-major. `bool` is one byte per element, 0 or 1.
 * `Float64Array` occurs only inside the reference backend at double precision.
 */
export type HostData = Float32Array | Float64Array | Int32Array | Uint8Array;

/** A tensor in host memory. */
export interface HostTensor {
  readonly type: TensorType;
  readonly data: HostData;
}

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const axis of shape) size *= axis;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/** Bytes of one element in host memory. */
export const bytesPerElement: Readonly<Record<DType, number>> = { float32: 4, int32: 4, bool: 1 };

/** Whether all sizes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Whether element type and shape are equal. */
export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** `float32[2,3]`, as used in messages and printed graphs. */
export function formatType(type: TensorType): string {
  return `${type.dtype}[${type.shape.join(",")}]`;
}

/** Division that must come out whole. @throws {RangeError} when it does not */
export function exactDivide(dividend: number, divisor: number, what: string): number {
  const quotient = dividend / divisor;
  if (!Number.isInteger(quotient))
    throw new RangeError(`${what}: ${dividend} is not a multiple of ${divisor}`);
  return quotient;
}

/** A float32 tensor on the host; `values` is used as it is when it is a `Float32Array`. */
export function float32(values: Float32Array | readonly number[], shape: Shape): HostTensor {
  return hostTensor("float32", values instanceof Float32Array ? values : Float32Array.from(values), shape);
}

/** An int32 tensor on the host; `values` is used as it is when it is an `Int32Array`. */
export function int32(values: Int32Array | readonly number[], shape: Shape): HostTensor {
  return hostTensor("int32", values instanceof Int32Array ? values : Int32Array.from(values), shape);
}

/** A bool tensor on the host, 0 or 1 per element. */
export function bool(values: Uint8Array | readonly boolean[], shape: Shape): HostTensor {
  return hostTensor("bool", values instanceof Uint8Array ? values : Uint8Array.from(values, Number), shape);
}

function hostTensor(dtype: DType, data: HostData, shape: Shape): HostTensor {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`${dtype}[${shape.join(",")}] needs ${sizeOf(shape)} values, got ${data.length}`);
  }
  return { type: { dtype, shape }, data };
}
