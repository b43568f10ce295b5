/**
 * Host kernels over float arrays, computed in WebAssembly SIMD.
 *
 * Arrays on the heap (see heap.ts) are worked on where they lie. Others are copied, a piece at a time, to a scratch place
 * of the heap that stays in the processor's cache, and back. Results are the same, whatever the way and the piece.
 */
import { type Touched, touchedRanges } from "../touched.js";
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

/** Which of the arrays lie in the memory of the kernels. */
export type Places = Readonly<Record<keyof AdamWArrays, boolean>>;

export interface SimdKernels {
  /** @param touched - of gradient and moments; outside of it a step must change nothing, see {@link keepsZeros} */
  adamW(arrays: AdamWArrays, scalars: AdamWScalars, onHeap: Places, touched?: Touched): void;
  /** Adds each row of `rows` to the row of `base` that its id names. @param onHeap - whether both lie on the heap */
  addRows(base: Float32Array, ids: ArrayLike<number>, rows: Float32Array, onHeap: boolean): void;
  /** Sum of squares, accumulated in double precision in a fixed order. */
  sumSquares(values: Float32Array, onHeap: boolean, touched?: Touched): number;
}

export interface SimdOptions {
  readonly memory: WebAssembly.Memory;
  /** Where in the memory {@link scratchBytes} are theirs alone. */
  readonly scratch: number;
  /** Floats per piece, at most {@link longestPiece}. */
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
/** Four pieces of 32 KiB stay in a second-level cache; measured best of 1 Ki to 64 Ki. */
const longestPiece = 8192;
/**
 * Slots begin at different places of a page, because processors copy five times slower (Zen 3) between places that are
 * almost equal modulo the page size.
 */
const slotBytes = longestPiece * 4 + 1088;
/** What kernels need for themselves: the running sums, and a slot for each array of a step. */
export const scratchBytes = sumsBytes + 4 * slotBytes;

const names = ["parameter", "gradient", "first", "second"] as const;

export function createSimdKernels({ memory, scratch, piece = longestPiece }: SimdOptions): SimdKernels {
  const module = new WebAssembly.Module(Buffer.from(wasmBytes.join(""), "base64"));
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as WasmKernels;
  const sums = new Float64Array(memory.buffer, scratch, runningSums);
  const slots = names.map(
    (_, slot) => new Float32Array(memory.buffer, scratch + sumsBytes + slot * slotBytes, longestPiece),
  );
  const fill = (slot: number, values: Float32Array): number => {
    const own = slots[slot] as Float32Array;
    own.set(values);
    return own.byteOffset;
  };

  return {
    adamW(arrays, settings, onHeap, touched) {
      const scalars = scalarsOf(settings);
      const run = (start: number, end: number, inPlace: Places): void => {
        const [p, g, m, v] = names.map((name, slot) =>
          inPlace[name] ? arrays[name].byteOffset + 4 * start : fill(slot, arrays[name].subarray(start, end)),
        ) as [number, number, number, number];
        wasm.adamW(p, g, m, v, (end - start + 3) & ~3, ...scalars);
        for (const [slot, name] of names.entries()) {
          if (inPlace[name] || name === "gradient") continue;
          arrays[name].set((slots[slot] as Float32Array).subarray(0, end - start), start);
        }
      };
      const { length } = arrays.parameter;
      const whole = length & ~3;
      const step = names.every((name) => onHeap[name]) ? whole : piece;
      for (const range of touchedRanges(touched, whole))
        for (let start = range.start; start < range.end; start += step)
          run(start, Math.min(start + step, range.end), onHeap);
      // What is left of a vector must not be written past the end.
      if (whole < length) run(whole, length, nowhere);
    },
    addRows(base, ids, rows, onHeap) {
      const width = rows.length / Math.max(1, ids.length);
      const whole = onHeap ? width & ~3 : 0;
      const [baseAt, rowsAt] = [base.byteOffset, rows.byteOffset];
      for (let position = 0; position < ids.length; position++) {
        const [to, from] = [(ids[position] as number) * width, position * width];
        if (whole > 0) wasm.add(baseAt + 4 * to, rowsAt + 4 * from, whole);
        for (let i = whole; i < width; i++)
          base[to + i] = (base[to + i] as number) + (rows[from + i] as number);
      }
    },
    sumSquares(values, onHeap, touched) {
      sums.fill(0);
      const whole = values.length & -runningSums;
      const step = onHeap ? whole : piece;
      // What is 0 adds nothing to sums, which are not -0.
      for (const range of touchedRanges(touched, whole))
        for (let start = range.start; start < range.end; start += step) {
          const end = Math.min(start + step, range.end);
          const at = onHeap ? values.byteOffset + 4 * start : fill(0, values.subarray(start, end));
          wasm.sumSquares(at, end - start, sums.byteOffset);
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

const nowhere: Places = { parameter: false, gradient: false, first: false, second: false };

/** Whether a step leaves parameters and moments as they are where gradient and moments are 0. */
export function keepsZeros(settings: AdamWScalars): boolean {
  const [, , , , epsilon, decay, ...scales] = scalarsOf(settings).map(Math.fround);
  return decay === 0 && (epsilon as number) > 0 && scales.every(Number.isFinite);
}

/** In the order of the kernel's parameters. */
function scalarsOf(settings: AdamWScalars): readonly number[] {
  const { beta1, beta2, epsilon, weightDecay, learningRate, stepSize, denominatorScale, gradientScale } =
    settings;
  // Rounded as the decomposition rounds: both factors are float32.
  const decay = Math.fround(learningRate) * Math.fround(weightDecay);
  return [beta1, 1 - beta1, beta2, 1 - beta2, epsilon, decay, stepSize, denominatorScale, gradientScale];
}
