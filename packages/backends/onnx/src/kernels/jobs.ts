import type { Touched } from "../touched.js";
import type { AdamWArrays, AdamWScalars, Places, SimdKernels } from "./simd.js";

/** Work on arrays over shared memory, as it is sent to a helper thread. */
export type Job =
  | {
      readonly kind: "adamW";
      readonly arrays: AdamWArrays;
      readonly scalars: AdamWScalars;
      readonly onHeap: Places;
      readonly touched: Touched | undefined;
    }
  | { readonly kind: "sumSquares"; readonly segments: readonly Segment[]; readonly onHeap: boolean };

export interface Segment {
  readonly values: Float32Array;
  readonly touched: Touched | undefined;
}

/** Does the work; the result of `sumSquares` is a sum per segment. */
export function runJob(kernels: SimdKernels, job: Job): readonly number[] {
  if (job.kind === "sumSquares")
    return job.segments.map(({ values, touched }) => kernels.sumSquares(values, job.onHeap, touched));
  kernels.adamW(job.arrays, job.scalars, job.onHeap, job.touched);
  return [];
}
