/**
 * Memory of tensors on the host.
 *
 * Ownership: a {@link HostValue} holds one reference to its {@link Storage}; several values may share one storage, and
 * its memory returns to the pool when the last of them is disposed. Only a value that is alone on its storage may be
 * overwritten. Memory keeps the ONNX Runtime handle that points into it from one value of a type to the next, because
 * in small models handles cost as much as the work; whoever runs a session keeps the values referenced until it has ended.
 */
import {
  BackendError,
  bytesPerElement,
  formatType,
  type HostTensor,
  sameType,
  sizeOf,
  type TensorType,
} from "@alignkit/core";
import type { Heap } from "./heap.js";
import type { FileMapper } from "./mapped-files.js";
import type { Handle, OrtApi } from "./ort-api.js";
import type { PageAdvice } from "./system-memory.js";
import { type HostArray, hostArray, type TensorMemory, type Value } from "./tensor-memory.js";
import { type Touched, touchedRanges } from "./touched.js";

/** A piece of memory. */
export interface Block {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** For ONNX Runtime, of the tensor that stood here last. */
  held?: { readonly type: TensorType; readonly handle: Handle };
  /** Where the floats that stand here, or did last, may be other than 0, if that is known. */
  touched?: Touched | undefined;
}

/** A block with a count of the values that stand on it. */
export class Storage {
  #references = 1;

  constructor(
    readonly block: Block,
    private readonly free: (block: Block) => void,
  ) {}

  get isShared(): boolean {
    return this.#references > 1;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references === 0) this.free(this.block);
  }
}

/** Hands out memory and takes it back for reuse, because fresh pages cost more than the work done on them. */
export interface MemoryPool {
  /** Contents are whatever was there before. */
  allocate(byteLength: number): Storage;
  /** Marks the passing of time: memory that lay unused for {@link idleRounds} of these is given up. */
  nextRound(): void;
  /** Gives up what lies idle. */
  clear(): void;
  /** Bytes that lie ready for reuse. */
  readonly idleBytes: number;
}

/** Rounds for which freed memory is kept; a training step is a few rounds. */
export const idleRounds = 64;

/** From this size on, memory can be reached by the threads of the host kernels. */
const smallestShared = 1 << 19;

export interface MemoryPoolOptions {
  /** Told of memory that is made anew, and of memory that is given up. */
  readonly advice?: PageAdvice;
  /** Called with the handle of memory that is given up. */
  readonly releaseHandle?: (handle: Handle) => void;
  /** Where large blocks go as long as there is room. */
  readonly heap?: Heap | undefined;
}

export function createMemoryPool({
  advice,
  releaseHandle = () => {},
  heap,
}: MemoryPoolOptions = {}): MemoryPool {
  let round = 0;
  let idleBytes = 0;
  const idle = new Map<number, { readonly block: Block; readonly since: number }[]>();
  const keep = (block: Block): void => {
    const list = idle.get(block.byteLength) ?? [];
    list.push({ block, since: round });
    idle.set(block.byteLength, list);
    idleBytes += block.byteLength;
  };
  const giveUp = ({ buffer, byteOffset, byteLength, held }: Block): void => {
    idleBytes -= byteLength;
    if (held !== undefined) releaseHandle(held.handle);
    // At once, because what is not of the heap stays until it is collected.
    advice?.giveBack(buffer, byteOffset, byteLength);
    if (buffer === heap?.buffer) heap.free(byteOffset, byteLength);
  };
  const fresh = (byteLength: number): Block => {
    if (byteLength < smallestShared)
      return { buffer: new ArrayBuffer(byteLength), byteOffset: 0, byteLength };
    const offset = heap?.allocate(byteLength);
    if (heap !== undefined && offset !== undefined)
      return { buffer: heap.buffer, byteOffset: offset, byteLength };
    const buffer = new SharedArrayBuffer(byteLength);
    advice?.hugePages(buffer);
    return { buffer, byteOffset: 0, byteLength };
  };
  return {
    allocate(byteLength) {
      const reused = idle.get(byteLength)?.pop();
      if (reused !== undefined) idleBytes -= byteLength;
      return new Storage(reused?.block ?? fresh(byteLength), keep);
    },
    nextRound() {
      round++;
      for (const [byteLength, list] of idle) {
        // The oldest stand first.
        while (list[0] !== undefined && round - list[0].since > idleRounds) {
          giveUp((list.shift() as (typeof list)[number]).block);
        }
        if (list.length === 0) idle.delete(byteLength);
      }
    },
    clear() {
      for (const list of idle.values()) for (const { block } of list) giveUp(block);
      idle.clear();
    },
    get idleBytes() {
      return idleBytes;
    },
  };
}

/** A tensor in host memory. */
export class HostValue implements Value {
  readonly #storage: Storage;
  readonly #data: HostArray;
  #disposed = false;

  constructor(
    readonly type: TensorType,
    storage: Storage,
    private readonly api: OrtApi,
  ) {
    this.#storage = storage;
    this.#data = hostArray(type.dtype, storage.block, sizeOf(type.shape));
  }

  array(): HostArray {
    this.#check();
    return this.#data;
  }

  peek(): HostArray {
    return this.array();
  }

  view(): HostArray {
    return this.array();
  }

  /** Whether another value stands on the same memory, so that it may not be overwritten. */
  get isShared(): boolean {
    return this.#storage.isShared;
  }

  get touched(): Touched | undefined {
    return this.type.dtype === "float32" ? this.#storage.block.touched : undefined;
  }

  set touched(touched: Touched | undefined) {
    this.#storage.block.touched = touched;
  }

  get handle(): Handle {
    this.#check();
    const { block } = this.#storage;
    const { type } = this;
    if (block.held === undefined || !sameType(block.held.type, type)) {
      if (block.held !== undefined) this.api.releaseTensor(block.held.handle);
      block.held = { type, handle: this.api.createTensor(this.#data, type.dtype, type.shape) };
    }
    return block.held.handle;
  }

  rows(start: number, end: number): Handle {
    const [, ...rest] = this.type.shape;
    const width = sizeOf(rest);
    return this.api.createTensor(this.array().subarray(start * width, end * width), this.type.dtype, [
      end - start,
      ...rest,
    ]);
  }

  share(): HostValue {
    return this.front(this.type);
  }

  front(type: TensorType): HostValue {
    this.#check();
    this.touched = undefined;
    return new HostValue(type, this.#storage.retain(), this.api);
  }

  async read(into?: HostTensor["data"]): Promise<HostTensor> {
    const data = this.array();
    if (into === undefined || into.length !== data.length) return { type: this.type, data: data.slice() };
    into.set(data);
    return { type: this.type, data: into };
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#storage.release();
  }

  #check(): void {
    if (this.#disposed) {
      throw new BackendError(`onnx: ${formatType(this.type)} was used after it was disposed or donated`);
    }
  }
}

/** Tensors smaller than this are read: pages of a file are taken whole. */
const smallestMapped = 1 << 16;

/** Tensors on pooled memory of the host; on pages of files where there is a mapper. */
export function createHostMemory(
  api: OrtApi,
  pool: MemoryPool,
  { mapper, settle }: Pick<TensorMemory, "settle"> & { readonly mapper?: FileMapper | undefined } = {},
): TensorMemory {
  /** As memory was left, with what is known of it. */
  const take = (type: TensorType): HostValue => {
    // At least one element, so that an empty tensor has an address.
    const byteLength = Math.max(1, sizeOf(type.shape)) * bytesPerElement[type.dtype];
    return new HostValue(type, pool.allocate(byteLength), api);
  };
  const allocate = (type: TensorType): HostValue => {
    const value = take(type);
    value.touched = undefined;
    return value;
  };
  const copyOf = ({ type, data }: HostTensor): HostValue => {
    const own = allocate(type);
    own.array().set(data);
    return own;
  };
  return {
    isHost: true,
    allocate,
    zeros(type) {
      const value = take(type);
      const data = value.array();
      for (const { start, end } of touchedRanges(value.touched, data.length)) data.fill(0, start, end);
      value.touched = undefined;
      return value;
    },
    copy: (value) => copyOf({ type: value.type, data: value.array() }),
    upload: async (value) => copyOf(value),
    async map(type, { descriptor, byteOffset }) {
      const byteLength = sizeOf(type.shape) * bytesPerElement[type.dtype];
      const isAligned = byteOffset % bytesPerElement[type.dtype] === 0;
      if (mapper === undefined || !isAligned || byteLength < smallestMapped) return undefined;
      const mapped = await mapper.map(descriptor, byteOffset, byteLength);
      const free = ({ held }: Block) => {
        if (held !== undefined) api.releaseTensor(held.handle);
        mapped?.free();
      };
      return mapped && new HostValue(type, new Storage(mapped, free), api);
    },
    own: (tensor) => (tensor instanceof HostValue ? tensor : undefined),
    nextRound: () => pool.nextRound(),
    giveUpIdle: () => pool.clear(),
    ...(settle === undefined ? {} : { settle }),
    dispose: () => pool.clear(),
  };
}
