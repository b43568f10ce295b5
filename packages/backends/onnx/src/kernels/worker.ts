/** What a helper thread runs; bundled into worker-source.generated.ts by `npm run build:wasm`. */
import { parentPort, workerData } from "node:worker_threads";
import { runShares, type SharedJobs } from "./jobs.js";
import { createSimdKernels, type SimdOptions } from "./simd.js";

const kernels = createSimdKernels(workerData as SimdOptions);
parentPort?.on("message", (jobs: SharedJobs) => {
  runShares(kernels, jobs);
  parentPort?.postMessage("done");
});
