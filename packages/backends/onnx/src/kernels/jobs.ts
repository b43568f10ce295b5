import { pieceLength, type Touched } from "../touched.js";
import type { AdamWArrays, AdamWScalars, Places, SimdKernels } from "./simd.js";

export type Job =
  | {
      readonly kind: "adamW";
      readonly arrays: AdamWArrays;
      readonly scalars: AdamWScalars;
      readonly onHeap: Places;
      readonly touched: Touched | undefined;
    }
  | {
      readonly kind: "sumSquares";
      readonly values: Float32Array;
      readonly onHeap: boolean;
      readonly touched: Touched | undefined;
      /** One for each share, written by whoever does it. */
      readonly sums: Float64Array;
    };

/** Jobs whose shares go to the threads that ask for them, as they are sent to helper threads. */
export interface SharedJobs {
  readonly jobs: readonly Job[];
  /** Of one element, which all threads see: the number of the next share. */
  readonly next: Int32Array;
}

/** Floats of a share: whole pieces, about 0.1 ms of work; of `sumSquares` what one partial sum is taken over. */
const shareLengths: { readonly [K in Job["kind"]]: number } = { adamW: 1 << 16, sumSquares: 1 << 17 };

export function sharesOf(kind: Job["kind"], length: number): number {
  return Math.ceil(length / shareLengths[kind]);
}

/** Does shares, with the other threads that do, until none is left to begin. */
export function runShares(kernels: SimdKernels, { jobs, next }: SharedJobs): void {
  let before = 0;
  let share = Atomics.add(next, 0, 1);
  for (const job of jobs) {
    const end = before + sharesOf(job.kind, lengthOf(job));
    for (; share < end; share = Atomics.add(next, 0, 1)) runShare(kernels, job, share - before);
    before = end;
  }
}

const lengthOf = (job: Job): number => (job.kind === "adamW" ? job.arrays.parameter : job.values).length;

function runShare(kernels: SimdKernels, job: Job, share: number): void {
  const start = share * shareLengths[job.kind];
  const end = Math.min(lengthOf(job), start + shareLengths[job.kind]);
  const touched = job.touched?.subarray(start / pieceLength, Math.ceil(end / pieceLength));
  if (job.kind === "sumSquares") {
    job.sums[share] = kernels.sumSquares(job.values.subarray(start, end), job.onHeap, touched);
    return;
  }
  const { parameter, gradient, first, second } = job.arrays;
  const arrays = {
    parameter: parameter.subarray(start, end),
    gradient: gradient.subarray(start, end),
    first: first.subarray(start, end),
    second: second.subarray(start, end),
  };
  kernels.adamW(arrays, job.scalars, job.onHeap, touched);
}
