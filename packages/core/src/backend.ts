import type { CompositeName } from "./ops/attributes.js";
import type { Graph } from "./tensor.js";
import type { HostTensor, TensorType } from "./types.js";

/**
 * What runs compiled graphs. Gradients, decompositions and stages are not its business.
 *
 * Ownership: a device tensor belongs to whom it was handed, by `upload` or `run`, and is freed by `dispose`.
 * A donated input is consumed by the run, also by one that fails.
 */
export interface Backend {
  readonly specificationVersion: "v1";
  /** As in config and messages: `onnx`, `onnx:webgpu`, `reference`. */
  readonly name: string;
  /** Composites that it takes whole; the others arrive decomposed. */
  readonly supports: ReadonlySet<CompositeName>;
  /** Whether `compile` honours `variant`. */
  readonly dynamicShapes: boolean;
  /**
   * For a backend that repacks constants, which takes time and as much memory again, for faster products of few rows:
   * elements of a matrix from which those are as fast on weights as they lie, if rows are many. On smaller ones they
   * are slower, and packing is worth avoiding for few steps only.
   */
  readonly repackingCostsFrom?: number;
  /**
   * Into how many equal parts it takes so many rows that do not meet, given the number of elements that all of them read.
   * With more than 1 `compile` gets the graph of a part, and `rows`.
   */
  partsOf?(rows: number, shared: number): number;
  /** What computes; `alignkit doctor` prints it. */
  readonly runtime?: RuntimeDescription;
  /** Conformance checks that it is known to fail, by name, and why. One that passes is reported as well. */
  readonly expectedFailures?: Readonly<Record<string, string>>;
  /** Copies to the device. */
  upload(value: HostTensor): Promise<DeviceTensor>;
  /**
   * A new tensor that `fill` writes in place: for files that are read without a copy. Only where the device's memory is
   * the host's; elsewhere callers fill an array and upload it.
   *
   * Where the file holds the numbers as memory does, `source` says where, and a backend may take the file's own pages for
   * the tensor; `fill` is told that it is filled, and may look. The file must not be cut or written over while the
   * tensor lives; another may take its name.
   */
  uploadWith?(
    type: TensorType,
    fill: (data: HostTensor["data"], isFilled: boolean) => Promise<void>,
    source?: FileRegion,
  ): Promise<DeviceTensor>;
  compile(graph: Graph, options?: CompileOptions): Promise<Executable>;
  dispose(): Promise<void>;
}

/** What computes under a backend, in words for people. */
export interface RuntimeDescription {
  /** The library, as its makers call it: `ONNX Runtime`. */
  readonly name: string;
  readonly version: string;
  /** Where it computes: `CPU`, `WebGPU`, or the name of the card. */
  readonly device: string;
  /** Of one operation; left out where the library does not tell. */
  readonly threads?: number;
}

/** Where a tensor lies in a file: row by row, little-endian. */
export interface FileRegion {
  /** Of a file that is open for reading and holds all of the tensor; it may be closed after the call. */
  readonly descriptor: number;
  readonly byteOffset: number;
}

/** What is known of a graph's inputs when it is compiled. */
export interface CompileOptions {
  /** Values, by input position, that stay the same for the life of the executable; it may keep them in a form of its own. */
  readonly constants?: ReadonlyMap<number, DeviceTensor>;
  /**
   * The same function traced at other sizes. Sizes that differ between the two traces are free at run time.
   * Given only to a backend with `dynamicShapes`.
   */
  readonly variant?: Graph;
  /** The graph is that of a part of the rows; a run takes and gives all of them. Only for a backend with `partsOf`. */
  readonly rows?: Rows;
}

/** Rows that a backend takes apart. */
export interface Rows {
  /** Of equal size. */
  readonly parts: number;
  /** Positions of inputs that have rows, along their first axis. All outputs have. */
  readonly inputs: ReadonlySet<number>;
}

/** A compiled graph. */
export interface Executable {
  /**
   * Runs with one tensor per graph input; positions given as constants take `undefined`.
   * @param options.donate positions of inputs that may be overwritten; they are consumed
   */
  run(inputs: readonly (DeviceTensor | undefined)[], options?: RunOptions): Promise<readonly DeviceTensor[]>;
  dispose(): Promise<void>;
}

/** How one run may treat its inputs. */
export interface RunOptions {
  readonly donate?: ReadonlySet<number>;
}

/** A tensor in the memory of a backend. */
export interface DeviceTensor {
  readonly type: TensorType;
  /**
   * Copies to the host.
   * @param into - memory of the right size that may be used instead of fresh, when the same is read again and again;
   *   what counts is what is returned
   */
  read(into?: HostTensor["data"]): Promise<HostTensor>;
  /** Its own memory, where that is the host's: to be read until it is disposed, and left as it is. */
  view?(): HostTensor["data"];
  dispose(): void;
}
