import { BackendError } from "@alignkit/core";
import type { NamedAttrMap, NamedTensorInfoMap, Tensor, TensorInfo } from "@tensorflow/tfjs-core";
import type { Tf } from "./load-engine.js";
import { type Multiply, startTeam, type Team, type TfjsModule, type WasmMemory } from "./wasm-threads.js";

/** `a b`, each with its last two axes exchanged or not; makes tensors that the caller's scope frees. */
export type Product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean) => Tensor;

const kernelName = "AlignkitProduct";

/** Products and the threads that compute them. */
export interface WasmProducts {
  readonly product: Product;
  dispose(): Promise<void>;
}

/**
 * Products for the WebAssembly engine, computed in its memory by kernels/multiply.ts; the engine's own have one thread.
 * @param threads - started at the first product, until `dispose`
 * @throws {BackendError} when the engine's memory is not shown or not shared
 */
export function wasmProducts(tf: Tf, threads: number): WasmProducts {
  const { wasm } = tf.backend() as unknown as WasmEngine;
  const memory = sharedMemoryOf(tf, wasm);
  if (tf.getKernel(kernelName, "wasm") === undefined) {
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
  }
  let team: Team | undefined;
  return {
    product(a, b, transposeA, transposeB) {
      team ??= startTeam(wasm, memory, threads);
      const attributes: Attributes = { transposeA, transposeB, multiply: team.multiply };
      return tf.engine().runKernel(kernelName, { a, b }, attributes as unknown as NamedAttrMap);
    },
    async dispose() {
      const ending = team;
      team = undefined;
      await ending?.dispose();
    },
  };
}

/** Of tfjs's engine, what its own kernels use. */
interface WasmEngine {
  readonly wasm: TfjsModule;
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number } };
  makeOutput(shape: readonly number[], type: "float32"): TensorInfo;
}

interface Attributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly multiply: Multiply;
}

function sharedMemoryOf({ version_core }: Tf, { asm }: TfjsModule): WasmMemory {
  const memory = asm?.memory;
  if (memory === undefined)
    throw new BackendError(
      `tfjs:wasm: @tensorflow/tfjs-backend-wasm ${version_core} does not show its memory; install version 4.22.0`,
    );
  if (!(memory.buffer instanceof SharedArrayBuffer))
    throw new BackendError(
      "tfjs:wasm: other code started tfjs in this process, in memory that threads cannot share; create this backend first",
    );
  return memory;
}

function kernelFunc(given: {
  readonly inputs: NamedTensorInfoMap;
  readonly backend: unknown;
  readonly attrs?: object;
}): TensorInfo {
  const { a, b } = given.inputs as { readonly a: TensorInfo; readonly b: TensorInfo };
  const { transposeA, transposeB, multiply } = given.attrs as Attributes;
  const engine = given.backend as WasmEngine;
  const addressOf = ({ dataId }: TensorInfo): number => engine.dataIdMap.get(dataId).memoryOffset;
  const outer = a.shape.slice(0, -2);
  const [rows, terms] = lastTwo(a, transposeA);
  const [, columns] = lastTwo(b, transposeB);
  const result = engine.makeOutput([...outer, rows, columns], "float32");
  const matrices = outer.reduce((product, size) => product * size, 1);
  const [fromA, fromB, to] = [addressOf(a), addressOf(b), addressOf(result)];
  multiply(fromA, transposeA, fromB, transposeB, to, matrices, rows, terms, columns);
  return result;
}

function lastTwo({ shape }: TensorInfo, exchanged: boolean): readonly [number, number] {
  const [first, second] = shape.slice(-2) as [number, number];
  return exchanged ? [second, first] : [first, second];
}
