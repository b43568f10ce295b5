/** What a helper thread runs; bundled into worker-source.generated.ts by `npm run build:wasm`. */
import { parentPort, workerData } from "node:worker_threads";
import { type Job, runJob } from "./jobs.js";
import { createSimdKernels, type SimdOptions } from "./simd.js";

const kernels = createSimdKernels(workerData as SimdOptions);
parentPort?.on("message", (job: Job) => parentPort?.postMessage(runJob(kernels, job)));
