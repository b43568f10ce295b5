/**
 * Host kernels over float arrays, computed in WebAssembly SIMD.
 *
 * Arrays on the heap (see heap.ts) are worked on where they lie. Others are copied, a piece at a time, into a small
 * scratch memory that stays in the processor's cache, and back. Results are the same, whatever the way and the piece.
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
  /** @param onHeap - whether all arrays lie on the heap */
  adamW(arrays: AdamWArrays, scalars: AdamWScalars, onHeap: boolean): void;
  /** Adds each row of `rows` to the row of `base` that its id names. @param onHeap - whether both lie on the heap */
  addRows(base: Float32Array, ids: ArrayLike<number>, rows: Float32Array, onHeap: boolean): void;
  /** Sum of squares, accumulated in double precision in a fixed order. */
  sumSquares(values: Float32Array, onHeap: boolean): number;
}

export interface SimdOptions {
  /** The memory of the heap, if there is one. */
  readonly heap?: WebAssembly.Memory | undefined;
  /** Which of the threads that share the heap this is. */
  readonly thread?: number;
  /** Floats per piece: four pieces of 32 KiB stay in a second-level cache; measured best of 1 Ki to 64 Ki. */
  readonly piece?: number;
}

/** Addresses in the memory that the kernels were instantiated on. */
interface WasmKernels {
  adamW(
    parameter: number,
    gradient: number,
    first: number,
    second: number,
    count: number,
    ...scalars: readonly number[]
  ): void;
  add(target: number, values: number, count: number): void;
  sumSquares(values: number, count: number, sums: number): void;
}

const runningSums = 8;
const sumsBytes = runningSums * 8;
/**
 * Where the scratch begins: half a page off, because large arrays begin near a page boundary, and processors copy
 * five times slower (Zen 3) between places that are almost equal modulo the page size.
 */
const scratchOffset = 2048;
const wasmPage = 65_536;

/** Kernels with a scratch memory of their own. */
export function createSimdKernels({ heap, thread = 0, piece = 8192 }: SimdOptions = {}): SimdKernels {
  const module = new WebAssembly.Module(Buffer.from(wasmBytes.join(""), "base64"));
  const instantiate = (memory: WebAssembly.Memory): WasmKernels =>
    new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as WasmKernels;
  const pages = Math.ceil((scratchOffset + 4 * piece * 4) / wasmPage);
  const scratchMemory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const onScratch = instantiate(scratchMemory);
  const onHeap = heap === undefined ? undefined : instantiate(heap);
  const slots = [0, 1, 2, 3].map((slot) => scratchOffset + slot * piece * 4);
  const scratch = slots.map((offset) => new Float32Array(scratchMemory.buffer, offset, piece));
  const [p, g, m, v] = scratch as [Float32Array, Float32Array, Float32Array, Float32Array];
  const scratchSums = new Float64Array(scratchMemory.buffer, 0, runningSums);
  const heapSums = heap && new Float64Array(heap.buffer, thread * sumsBytes, runningSums);

  const adamWInPieces = (
    { parameter, gradient, first, second }: AdamWArrays,
    scalars: readonly number[],
  ): void => {
    const { length } = parameter;
    for (let start = 0; start < length; start += piece) {
      const end = Math.min(start + piece, length);
      const count = end - start;
      p.set(parameter.subarray(start, end));
      g.set(gradient.subarray(start, end));
      m.set(first.subarray(start, end));
      v.set(second.subarray(start, end));
      const [pAt, gAt, mAt, vAt] = slots as [number, number, number, number];
      onScratch.adamW(pAt, gAt, mAt, vAt, (count + 3) & ~3, ...scalars);
      const whole = count === piece;
      parameter.set(whole ? p : p.subarray(0, count), start);
      first.set(whole ? m : m.subarray(0, count), start);
      second.set(whole ? v : v.subarray(0, count), start);
    }
  };

  return {
    adamW(arrays, settings, isOnHeap) {
      const scalars = scalarsOf(settings);
      if (!isOnHeap) return adamWInPieces(arrays, scalars);
      const { parameter, gradient, first, second } = arrays;
      const whole = parameter.length & ~3;
      (onHeap as WasmKernels).adamW(
        parameter.byteOffset,
        gradient.byteOffset,
        first.byteOffset,
        second.byteOffset,
        whole,
        ...scalars,
      );
      // What is left of a vector must not be written past the end.
      const rest = (array: Float32Array): Float32Array => array.subarray(whole);
      const last = {
        parameter: rest(parameter),
        gradient: rest(gradient),
        first: rest(first),
        second: rest(second),
      };
      adamWInPieces(last, scalars);
    },
    addRows(base, ids, rows, isOnHeap) {
      const width = rows.length / Math.max(1, ids.length);
      const whole = isOnHeap ? width & ~3 : 0;
      const [baseAt, rowsAt] = [base.byteOffset, rows.byteOffset];
      for (let position = 0; position < ids.length; position++) {
        const [to, from] = [(ids[position] as number) * width, position * width];
        if (whole > 0) onHeap?.add(baseAt + 4 * to, rowsAt + 4 * from, whole);
        for (let i = whole; i < width; i++)
          base[to + i] = (base[to + i] as number) + (rows[from + i] as number);
      }
    },
    sumSquares(values, isOnHeap) {
      const sums = (isOnHeap ? heapSums : scratchSums) as Float64Array;
      sums.fill(0);
      const whole = values.length & -runningSums;
      if (isOnHeap) (onHeap as WasmKernels).sumSquares(values.byteOffset, whole, thread * sumsBytes);
      for (let start = 0; start < whole && !isOnHeap; start += piece) {
        const end = Math.min(start + piece, whole);
        p.set(values.subarray(start, end));
        onScratch.sumSquares(slots[0] as number, end - start, 0);
      }
      for (let i = whole; i < values.length; i++) {
        sums[i - whole] = (sums[i - whole] as number) + (values[i] as number) ** 2;
      }
      let total = 0;
      for (const sum of sums) total += sum;
      return total;
    },
  };
}

/** In the order of the kernel's parameters. */
function scalarsOf(settings: AdamWScalars): readonly number[] {
  const { beta1, beta2, epsilon, weightDecay, learningRate, stepSize, denominatorScale, gradientScale } =
    settings;
  // Rounded as the decomposition rounds: both factors are float32.
  const decay = Math.fround(learningRate) * Math.fround(weightDecay);
  return [beta1, 1 - beta1, beta2, 1 - beta2, epsilon, decay, stepSize, denominatorScale, gradientScale];
}
