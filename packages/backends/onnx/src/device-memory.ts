/**
 * Memory of tensors on a device of an execution provider.
 *
 * Ownership is as in memory.ts. Copies to and from the host are runs of a model that does nothing, because ONNX Runtime
 * brings its inputs and outputs to where they are wanted.
 */
import {
  BackendError,
  bytesPerElement,
  type DType,
  formatType,
  type HostTensor,
  sizeOf,
  type TensorType,
} from "@alignkit/core";
import { encodeModel } from "./model-proto.js";
import { type Handle, NameList, type OrtApi, type SessionSettings } from "./ort-api.js";
import { type HostArray, hostArray, type TensorMemory, type Value } from "./tensor-memory.js";

/** Moves tensors of one dtype. */
interface Mover {
  readonly session: Handle;
  readonly inputNames: NameList;
  readonly outputNames: NameList;
}

/** A handle with a count of the values that stand on it. */
interface SharedHandle {
  readonly handle: Handle;
  references: number;
  /** Ids, which are checked before a run. */
  readonly uploaded: HostArray | undefined;
}

class DeviceValue implements Value {
  #disposed = false;

  constructor(
    readonly type: TensorType,
    private readonly shared: SharedHandle,
    private readonly device: {
      readonly name: string;
      read(value: Value): Promise<HostTensor>;
      release(handle: Handle): void;
    },
  ) {}

  get handle(): Handle {
    if (this.#disposed) {
      throw new BackendError(
        `${this.device.name}: ${formatType(this.type)} was used after it was disposed or donated`,
      );
    }
    return this.shared.handle;
  }

  array(): HostArray {
    throw new BackendError(`${this.device.name}: host kernels cannot reach ${formatType(this.type)}`);
  }

  rows(): Handle {
    throw new BackendError(`${this.device.name}: ${formatType(this.type)} cannot be written in parts`);
  }

  front(): Value {
    throw new BackendError(
      `${this.device.name}: ${formatType(this.type)} cannot give up a part of its memory`,
    );
  }

  peek(): HostArray | undefined {
    return this.shared.uploaded;
  }

  get isShared(): boolean {
    return this.shared.references > 1;
  }

  share(): DeviceValue {
    void this.handle;
    this.shared.references++;
    return new DeviceValue(this.type, this.shared, this.device);
  }

  read(): Promise<HostTensor> {
    return this.device.read(this);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.shared.references--;
    if (this.shared.references === 0) this.device.release(this.shared.handle);
  }
}

/**
 * @param name - of the backend, for messages
 * @param memoryName - as the provider calls its memory: `WebGPU_Buf`, `Cuda`
 * @throws {BackendError} when the provider cannot make a session
 */
export async function createDeviceMemory(
  api: OrtApi,
  name: string,
  memoryName: string,
  settings: SessionSettings,
): Promise<TensorMemory> {
  const movers = new Map<DType, Mover>();
  for (const dtype of Object.keys(bytesPerElement) as DType[])
    movers.set(dtype, await createMover(api, dtype, settings));
  const allocator = api.createAllocator((movers.get("float32") as Mover).session, memoryName);

  const move = (dtype: DType, from: Handle, to: Handle): void => {
    const { session, inputNames, outputNames } = movers.get(dtype) as Mover;
    api.runSync(session, { inputNames, inputs: [from], outputNames, outputs: [to] });
  };
  /** Calls `use` with a tensor over an array of the host. */
  const withHost = ({ dtype, shape }: TensorType, data: HostArray, use: (handle: Handle) => void): void => {
    const handle = api.createTensor(data, dtype, shape);
    try {
      use(handle);
    } finally {
      api.releaseTensor(handle);
    }
  };
  const device = {
    name,
    async read(value: Value): Promise<HostTensor> {
      const buffer = new ArrayBuffer(sizeOf(value.type.shape) * bytesPerElement[value.type.dtype]);
      const data = hostArray(value.type.dtype, { buffer, byteOffset: 0 });
      withHost(value.type, data, (handle) => move(value.type.dtype, value.handle, handle));
      return { type: value.type, data };
    },
    release: (handle: Handle) => api.releaseTensor(handle),
  };
  const make = (type: TensorType, uploaded?: HostArray): DeviceValue => {
    const handle = api.createDeviceTensor(allocator, type.dtype, type.shape);
    return new DeviceValue(type, { handle, references: 1, uploaded }, device);
  };
  return {
    isHost: false,
    allocate: (type) => make(type),
    zeros(type) {
      throw new BackendError(`${name}: host kernels cannot reach ${formatType(type)}`);
    },
    async upload({ type, data }) {
      const value = make(type, type.dtype === "int32" ? (data.slice() as HostArray) : undefined);
      withHost(type, data as HostArray, (handle) => move(type.dtype, handle, value.handle));
      return value;
    },
    copy(value) {
      const own = make(value.type, value.peek());
      move(value.type.dtype, value.handle, own.handle);
      return own;
    },
    own: (tensor) => (tensor instanceof DeviceValue ? tensor : undefined),
    nextRound() {},
    dispose() {
      api.releaseAllocator(allocator);
      for (const { session } of movers.values()) api.releaseSession(session);
    },
  };
}

async function createMover(api: OrtApi, dtype: DType, settings: SessionSettings): Promise<Mover> {
  const model = encodeModel({
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", type: dtype, shape: "any" }],
    outputs: [{ name: "y", type: dtype, shape: "any" }],
    initializers: [],
  });
  const session = await api.createSession(model, settings);
  return { session, inputNames: new NameList(["x"]), outputNames: new NameList(["y"]) };
}
