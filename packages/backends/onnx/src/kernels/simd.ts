/**
 * Host kernels over float arrays, computed in WebAssembly SIMD.
 *
 * Arrays live in ordinary memory, without WebAssembly's limit of 4 GB: a kernel copies a piece into a small scratch
 * memory that stays in the processor's cache, works there, and copies back. Results do not depend on the piece size.
 */
import { wasmBytes } from "./wasm-bytes.generated.js";

/** Scalars of one AdamW step, see `adamWUpdate` of the core. */
export interface AdamWScalars {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly learningRate: number;
  readonly stepSize: number;
  readonly denominatorScale: number;
  readonly gradientScale: number;
}

/** The arrays of one AdamW step, equally long; all but the gradient are overwritten. */
export interface AdamWArrays {
  readonly parameter: Float32Array;
  readonly gradient: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export interface SimdKernels {
  adamW(arrays: AdamWArrays, scalars: AdamWScalars): void;
  /** Sum of squares, accumulated in double precision in a fixed order. */
  sumSquares(values: Float32Array): number;
}

interface WasmExports {
  readonly memory: WebAssembly.Memory;
  adamW(
    parameter: number,
    gradient: number,
    first: number,
    second: number,
    count: number,
    ...scalars: number[]
  ): void;
  sumSquares(values: number, count: number, sums: number): void;
}

/** Floats per piece: four pieces of 32 KiB stay in a second-level cache; measured best of 1 Ki to 64 Ki. */
const defaultPiece = 8192;
const runningSums = 8;
/**
 * Where the scratch begins: half a page off, because large arrays begin near a page boundary, and processors copy
 * five times slower (Zen 3) between places that are almost equal modulo the page size.
 */
const scratchOffset = 2048;

/** Kernels with a scratch memory of their own. */
export function createSimdKernels(piece = defaultPiece): SimdKernels {
  const module = new WebAssembly.Module(Buffer.from(wasmBytes.join(""), "base64"));
  const instance = new WebAssembly.Instance(module);
  const wasm = instance.exports as unknown as WasmExports;
  const buffer = wasm.memory.buffer;
  const slots = [0, 1, 2, 3].map((slot) => scratchOffset + slot * piece * 4);
  const scratch = slots.map((offset) => new Float32Array(buffer, offset, piece));
  const [p, g, m, v] = scratch as [Float32Array, Float32Array, Float32Array, Float32Array];
  const [pAt, gAt, mAt, vAt] = slots as [number, number, number, number];
  const sumsOffset = 0;
  const sums = new Float64Array(buffer, sumsOffset, runningSums);

  return {
    adamW({ parameter, gradient, first, second }, scalars) {
      const { beta1, beta2, epsilon, weightDecay, learningRate, stepSize, denominatorScale, gradientScale } =
        scalars;
      const length = parameter.length;
      // Rounded as the decomposition rounds: both factors are float32.
      const decay = Math.fround(learningRate) * Math.fround(weightDecay);
      for (let start = 0; start < length; start += piece) {
        const end = Math.min(start + piece, length);
        const count = end - start;
        p.set(parameter.subarray(start, end));
        g.set(gradient.subarray(start, end));
        m.set(first.subarray(start, end));
        v.set(second.subarray(start, end));
        const padded = (count + 3) & ~3;
        wasm.adamW(
          pAt,
          gAt,
          mAt,
          vAt,
          padded,
          beta1,
          1 - beta1,
          beta2,
          1 - beta2,
          epsilon,
          decay,
          stepSize,
          denominatorScale,
          gradientScale,
        );
        const whole = count === piece;
        parameter.set(whole ? p : p.subarray(0, count), start);
        first.set(whole ? m : m.subarray(0, count), start);
        second.set(whole ? v : v.subarray(0, count), start);
      }
    },
    sumSquares(values) {
      sums.fill(0);
      for (let start = 0; start < values.length; start += piece) {
        const end = Math.min(start + piece, values.length);
        const count = end - start;
        const padded = (count + runningSums - 1) & -runningSums;
        p.set(values.subarray(start, end));
        if (padded > count) p.fill(0, count, padded);
        wasm.sumSquares(pAt, padded, sumsOffset);
      }
      let total = 0;
      for (const sum of sums) total += sum;
      return total;
    },
  };
}
