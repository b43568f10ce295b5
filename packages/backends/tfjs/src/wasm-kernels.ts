import type { KernelTable } from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LoadedEngine } from "./load-engine.js";
import type { Product } from "./wasm-products.js";

type WasmKernels = Pick<KernelTable<Tensor>, "sum" | "slice">;

/** Kernels that the WebAssembly engine has a faster way for at some shapes; `usual` does the others. */
export function wasmKernels({ tf, scoped }: LoadedEngine, product: Product, usual: WasmKernels): WasmKernels {
  return {
    sum: (...given) => {
      const [[x], { axes }] = given;
      const ofColumns = x!.rank === 2 && axes.length === 1 && axes[0] === 0;
      if (!ofColumns || x!.dtype !== "float32") return usual.sum(...given);
      // tfjs would exchange the axes first.
      return scoped(() => [product(tf.ones([1, x!.shape[0]!]), x!, false, false)]);
    },
    slice: (...given) => {
      const [[x], { starts }, [type]] = given;
      const [rows, width] = type!.shape as readonly [number, number];
      const parts = x!.shape[1]! / width;
      const part = starts[1]! / width;
      const isPart = x!.rank === 2 && rows === x!.shape[0] && parts > 1 && parts % 1 === 0 && part % 1 === 0;
      if (!isPart || x!.dtype !== "float32") return usual.slice(...given);
      // One of several equal parts of the columns, taken as rows: tfjs would copy row by row in JavaScript.
      const places = Int32Array.from({ length: rows }, (_, row) => row * parts + part);
      return scoped(() => {
        const cut = tf.reshape(x!, [rows * parts, width]);
        return [tf.gatherND(cut, tf.tensor2d(places, [rows, 1], "int32"))];
      });
    },
  };
}
