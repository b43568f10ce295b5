import type { AdamWArrays, AdamWScalars, SimdKernels } from "./simd.js";

/** Work on arrays over shared memory, as it is sent to a helper thread. */
export type Job = { readonly onHeap: boolean } & (
  | { readonly kind: "adamW"; readonly arrays: AdamWArrays; readonly scalars: AdamWScalars }
  | { readonly kind: "sumSquares"; readonly segments: readonly Float32Array[] }
);

/** What a helper thread is started with. */
export interface HelperData {
  readonly heap: WebAssembly.Memory | undefined;
  readonly thread: number;
}

/** Does the work; the result of `sumSquares` is a sum per segment. */
export function runJob(kernels: SimdKernels, job: Job): readonly number[] {
  if (job.kind === "sumSquares")
    return job.segments.map((segment) => kernels.sumSquares(segment, job.onHeap));
  kernels.adamW(job.arrays, job.scalars, job.onHeap);
  return [];
}
