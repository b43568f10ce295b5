import type { AdamWArrays, AdamWScalars, Places, SimdKernels } from "./simd.js";

/** Work on arrays over shared memory, as it is sent to a helper thread. */
export type Job =
  | {
      readonly kind: "adamW";
      readonly arrays: AdamWArrays;
      readonly scalars: AdamWScalars;
      readonly onHeap: Places;
    }
  | { readonly kind: "sumSquares"; readonly segments: readonly Float32Array[]; readonly onHeap: boolean };

/** Does the work; the result of `sumSquares` is a sum per segment. */
export function runJob(kernels: SimdKernels, job: Job): readonly number[] {
  if (job.kind === "sumSquares")
    return job.segments.map((segment) => kernels.sumSquares(segment, job.onHeap));
  kernels.adamW(job.arrays, job.scalars, job.onHeap);
  return [];
}
