import type { DeviceTensor, DType, FileRegion, HostTensor, TensorType } from "@alignkit/core";
import type { Handle } from "./ort-api.js";
import type { Touched } from "./touched.js";

export type HostArray = Float32Array | Int32Array | Uint8Array;

const arrayTypes: {
  readonly [K in DType]: new (
    buffer: ArrayBufferLike,
    offset: number,
    length?: number,
  ) => HostArray;
} = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

/** A view of the right kind on the beginning of a piece of memory. */
export function hostArray(
  dtype: DType,
  { buffer, byteOffset }: { readonly buffer: ArrayBufferLike; readonly byteOffset: number },
  length?: number,
): HostArray {
  return new arrayTypes[dtype](buffer, byteOffset, length);
}

/**
 * A tensor of this backend. Several may stand on the same memory, which is free again when the last is disposed;
 * only one that stands alone may be overwritten.
 */
export interface Value extends DeviceTensor {
  /** For ONNX Runtime. @throws {BackendError} after disposal */
  readonly handle: Handle;
  /** Host memory, where host kernels work. @throws {BackendError} after disposal, or when it lives elsewhere */
  array(): HostArray;
  /** What can be read at once: host memory, or what was uploaded of an int32 tensor; for checks. */
  peek(): HostArray | undefined;
  /** A handle on some of the rows, along the first axis; whoever asks for it releases it. */
  rows(start: number, end: number): Handle;
  readonly isShared: boolean;
  /** Where it may be other than 0, if that is known; forgotten as soon as another value stands on the same memory. */
  touched?: Touched | undefined;
  /** Another value on the same memory. */
  share(): Value;
  /** Another value on the beginning of the same memory, where host kernels work; no larger than this one. */
  front(type: TensorType): Value;
}

/** Where the tensors of a backend live. */
export interface TensorMemory {
  /** Contents are undefined. */
  allocate(type: TensorType): Value;
  /** Contents are 0. */
  zeros(type: TensorType): Value;
  upload(value: HostTensor): Promise<Value>;
  /** A tensor on the pages of a file; undefined where it must be read. */
  map?(type: TensorType, source: FileRegion): Promise<Value | undefined>;
  copy(value: Value): Value;
  /** The tensor as one of this memory, if it is. */
  own(tensor: DeviceTensor): Value | undefined;
  /** Whether host kernels can work on it. */
  readonly isHost: boolean;
  /** Marks the end of a run; memory that lies idle for long is given up. */
  nextRound(): void;
  /** Gives up what lies idle, because memory is wanted elsewhere. */
  giveUpIdle?(): void;
  /** Puts memory that the library took meanwhile in order for many runs. */
  settle?(): Promise<void>;
  dispose(): void;
}
