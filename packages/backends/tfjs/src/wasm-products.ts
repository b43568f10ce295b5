import { BackendError } from "@alignkit/core";
import type { NamedTensorInfoMap, Tensor, TensorInfo } from "@tensorflow/tfjs-core";
import type { Tf } from "./load-engine.js";
import { wasmBytes } from "./wasm-bytes.generated.js";

/** `a b`, each with its last two axes exchanged or not; makes tensors that the caller's scope frees. */
export type Product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean) => Tensor;

/** Up to so many rows XNNPACK is as fast, since tfjs keeps weights packed for it; packing them is most of the work then. */
const fewRows = 32;
const floatBytes = 4;
const kernelName = "AlignkitProduct";

/**
 * Products for the WebAssembly engine, computed in its memory by kernels/multiply.ts; the engine's own, XNNPACK's, are as
 * fast for {@link fewRows} only.
 * @throws {BackendError} when the engine does not show its memory
 */
export function wasmProducts(tf: Tf): Product {
  if (tf.getKernel(kernelName, "wasm") === undefined) {
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: createKernel(tf) });
  }
  return (a, b, transposeA, transposeB) => {
    const rows = a.shape.at(transposeA ? -1 : -2) as number;
    if (a.rank === 2 && rows > 1 && rows <= fewRows && !transposeA && !transposeB) return tf.matMul(a, b);
    return tf.engine().runKernel(kernelName, { a, b }, { transposeA, transposeB });
  };
}

/** Of tfjs's engine, what its own kernels use. */
interface WasmEngine {
  readonly wasm: {
    readonly asm?: { readonly memory?: object };
    _malloc(bytes: number): number;
  };
  readonly dataIdMap: { get(id: object): { readonly memoryOffset: number } };
  makeOutput(shape: readonly number[], type: "float32"): TensorInfo;
}

/** Exports of kernels/multiply.ts. */
interface Multiplication {
  scratchBytes(): number;
  multiply(
    a: number,
    transposeA: boolean,
    b: number,
    transposeB: boolean,
    result: number,
    rows: number,
    terms: number,
    columns: number,
    scratch: number,
  ): void;
}

function createKernel(tf: Tf) {
  const engine = tf.backend() as unknown as WasmEngine;
  const memory = engine.wasm.asm?.memory;
  if (memory === undefined)
    throw new BackendError(
      `tfjs:wasm: @tensorflow/tfjs-backend-wasm ${tf.version_core} does not show its memory; install version 4.22.0`,
    );
  const { scratchBytes, multiply } = instantiate(memory);
  const scratch = engine.wasm._malloc(scratchBytes());
  const addressOf = ({ dataId }: TensorInfo): number => engine.dataIdMap.get(dataId).memoryOffset;

  return ({
    inputs,
    attrs,
  }: {
    readonly inputs: NamedTensorInfoMap;
    readonly attrs?: object;
  }): TensorInfo => {
    const { a, b } = inputs as { readonly a: TensorInfo; readonly b: TensorInfo };
    const { transposeA, transposeB } = attrs as Record<"transposeA" | "transposeB", boolean>;
    const [rows, terms] = lastTwo(a, transposeA);
    const [, columns] = lastTwo(b, transposeB);
    const result = engine.makeOutput([...a.shape.slice(0, -2), rows, columns], "float32");
    const [fromA, fromB, to] = [addressOf(a), addressOf(b), addressOf(result)];
    const matrices = a.shape.slice(0, -2).reduce((product, size) => product * size, 1);
    for (let index = 0; index < matrices; index++) {
      multiply(
        fromA + index * rows * terms * floatBytes,
        transposeA,
        fromB + index * terms * columns * floatBytes,
        transposeB,
        to + index * rows * columns * floatBytes,
        rows,
        terms,
        columns,
        scratch,
      );
    }
    return result;
  };
}

function lastTwo({ shape }: TensorInfo, exchanged: boolean): readonly [number, number] {
  const [first, second] = shape.slice(-2) as [number, number];
  return exchanged ? [second, first] : [first, second];
}

/** Node's own types leave WebAssembly to the DOM library. */
function instantiate(memory: object): Multiplication {
  const { Module, Instance } = (
    globalThis as unknown as {
      readonly WebAssembly: {
        readonly Module: new (bytes: Uint8Array) => object;
        readonly Instance: new (module: object, imports: object) => { readonly exports: object };
      };
    }
  ).WebAssembly;
  const module = new Module(Buffer.from(wasmBytes.join(""), "base64"));
  return new Instance(module, { env: { memory } }).exports as Multiplication;
}
