/**
 * The kernel of kernels/multiply.ts on several threads, which share tfjs's memory. Helpers sleep in it until there is a
 * product, and take parts of it while there are any: one that is late, or not there yet, is not waited for.
 */
import { Worker } from "node:worker_threads";
import { wasmBytes } from "./wasm-bytes.generated.js";

/** As in kernels/multiply.ts: addresses and sizes. */
type Operands = readonly [
  a: number,
  transposeA: boolean,
  b: number,
  transposeB: boolean,
  result: number,
  matrices: number,
  rows: number,
  terms: number,
  columns: number,
];
export type Multiply = (...operands: Operands) => void;

/** Exports of kernels/multiply.ts. */
interface Exports {
  scratchBytes(): number;
  sharedBytes(): number;
  multiply(...all: [...Operands, threads: number, shared: number, scratch: number]): void;
}

/** Of `WebAssembly.Memory`. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

/** tfjs's WebAssembly. */
export interface TfjsModule {
  readonly asm?: { readonly memory?: WasmMemory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Threads and the memory that they work in. */
export interface Team {
  readonly multiply: Multiply;
  dispose(): Promise<void>;
}

const helperSource = `
const { module, memory, shared, scratch } = require("node:worker_threads").workerData;
new WebAssembly.Instance(module, { env: { memory } }).exports.help(shared, scratch);
`;

/**
 * Starts `threads - 1` helpers.
 * @param memory - that of `tfjs`, shared
 */
export function startTeam(tfjs: TfjsModule, memory: WasmMemory, threads: number): Team {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyParts })
    .WebAssembly;
  const module = new Module(Buffer.from(wasmBytes.join(""), "base64"));
  const { multiply, scratchBytes, sharedBytes } = new Instance(module, { env: { memory } })
    .exports as Exports;
  const shared = tfjs._malloc(sharedBytes());
  new Uint8Array(memory.buffer, shared, sharedBytes()).fill(0);
  const scratches = Array.from({ length: threads }, () => tfjs._malloc(scratchBytes()));
  const [ownScratch = 0, ...others] = scratches;
  const helpers = others.map((scratch) => {
    const worker = new Worker(helperSource, {
      eval: true,
      name: "alignkit-products",
      workerData: { module, memory, shared, scratch },
      // Not those of this process, which may load what a helper does not need.
      execArgv: [],
    });
    // It waits without an end, and must not keep the process alive.
    worker.unref();
    return worker;
  });
  return {
    multiply: (...operands) => multiply(...operands, threads, shared, ownScratch),
    async dispose() {
      await Promise.all(helpers.map((helper) => helper.terminate()));
      for (const address of [shared, ...scratches]) tfjs._free(address);
    },
  };
}

/** Node's own types leave WebAssembly to the DOM library. */
interface WebAssemblyParts {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}
