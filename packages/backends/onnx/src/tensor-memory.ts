import type { DeviceTensor, HostTensor, TensorType } from "@alignkit/core";
import type { Handle } from "./ort-api.js";

export type HostArray = Float32Array | Int32Array | Uint8Array;

/**
 * A tensor of this backend. Several may stand on the same memory, which is free again when the last is disposed;
 * only one that stands alone may be overwritten.
 */
export interface Value extends DeviceTensor {
  /** For ONNX Runtime. @throws {BackendError} after disposal */
  readonly handle: Handle;
  /** Host memory, where host kernels work. @throws {BackendError} after disposal, or when it lives elsewhere */
  readonly data: HostArray;
  readonly isShared: boolean;
  /** Another value on the same memory. */
  share(): Value;
}

/** Where the tensors of a backend live. */
export interface TensorMemory {
  /** Contents are undefined. */
  allocate(type: TensorType): Value;
  upload(value: HostTensor): Promise<Value>;
  copy(value: Value): Value;
  /** Whether host kernels can work on it. */
  readonly isHost: boolean;
  /** Marks the end of a run; memory that lies idle for long is given up. */
  nextRound(): void;
  dispose(): void;
}
