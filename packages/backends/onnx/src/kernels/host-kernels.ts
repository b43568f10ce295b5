/**
 * The SIMD kernels over several threads: each takes the next share of the work, this thread as well, so that all are at
 * work until the end, however late one of them wakes up.
 *
 * Helpers see arrays over shared memory only; others, and small ones, are worked on here. Results are the same
 * whatever the number of threads: AdamW goes element by element, sums are taken over segments of fixed size.
 */
import { Worker } from "node:worker_threads";
import { BackendError } from "@alignkit/core";
import { createHeap, type Heap, pageSize } from "../heap.js";
import type { Touched } from "../touched.js";
import { type Job, runShares, type SharedJobs, sharesOf } from "./jobs.js";
import {
  type AdamWArrays,
  type AdamWScalars,
  createSimdKernels,
  type Places,
  type SimdOptions,
  scratchBytes,
} from "./simd.js";
import { workerSource } from "./worker-source.generated.js";

export interface HostKernels {
  /** See `adamWUpdate` of the core. */
  adamW(arrays: AdamWArrays, scalars: AdamWScalars, touched?: Touched): Promise<void>;
  /** Adds each row of `rows` to the row of `base` that its id names. */
  addRows(base: Float32Array, ids: ArrayLike<number>, rows: Float32Array): void;
  /** Sum of squares, in double precision. */
  sumSquares(values: Float32Array, touched?: Touched): Promise<number>;
  dispose(): Promise<void>;
}

/** Arrays shorter than this are not worth the wake-up of a thread (about 50 microseconds). */
const smallestShared = 1 << 17;

interface Helper {
  /** Until none of the shares is left to begin, and its own are done. */
  run(jobs: SharedJobs): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * @param helpers - threads beside this one; started at first use
 * @param heap - memory whose arrays are worked on where they lie
 */
export function createHostKernels(helpers: number, heap: Heap = smallHeap(helpers + 1)): HostKernels {
  const { memory } = heap;
  const scratches = Array.from({ length: helpers + 1 }, () => {
    const scratch = heap.allocate(scratchBytes);
    if (scratch === undefined) throw new BackendError(`onnx: the heap has no ${scratchBytes} bytes left`);
    return scratch;
  });
  const [ownScratch = 0, ...others] = scratches;
  const kernels = createSimdKernels({ memory, scratch: ownScratch });
  const isOnHeap = (array: Float32Array): boolean => array.buffer === memory.buffer;
  let started: readonly Helper[] | undefined;
  const team = (): readonly Helper[] => {
    started ??= others.map((scratch) => startHelper({ memory, scratch }));
    return started;
  };
  const canBeShared = (values: Float32Array): boolean =>
    helpers > 0 && values.length >= smallestShared && values.buffer instanceof SharedArrayBuffer;

  /** Of the same turn of the event loop: one message to each helper is enough for all of them. */
  interface Round {
    readonly shared: Job[];
    readonly own: Job[];
    readonly done: Promise<void>;
  }
  let gathering: Round | undefined;
  const gather = (): Round => {
    const [shared, own]: [Job[], Job[]] = [[], []];
    const done = Promise.resolve().then(async () => {
      gathering = undefined;
      const jobs = { jobs: shared, next: new Int32Array(new SharedArrayBuffer(4)) };
      const theirs = shared.length === 0 ? [] : team().map((helper) => helper.run(jobs));
      runShares(kernels, { jobs: own, next: new Int32Array(1) });
      runShares(kernels, jobs);
      await Promise.all(theirs);
    });
    return { shared, own, done };
  };
  const run = (job: Job, isShared: boolean): Promise<void> => {
    gathering ??= gather();
    gathering[isShared ? "shared" : "own"].push(job);
    return gathering.done;
  };

  return {
    adamW(arrays, scalars, touched) {
      const onHeap: Places = {
        parameter: isOnHeap(arrays.parameter),
        gradient: isOnHeap(arrays.gradient),
        first: isOnHeap(arrays.first),
        second: isOnHeap(arrays.second),
      };
      const isShared = Object.values(arrays).every(canBeShared);
      return run({ kind: "adamW", arrays, scalars, onHeap, touched }, isShared);
    },
    addRows: (base, ids, rows) => kernels.addRows(base, ids, rows, isOnHeap(base) && isOnHeap(rows)),
    async sumSquares(values, touched) {
      const sums = new Float64Array(new SharedArrayBuffer(8 * sharesOf("sumSquares", values.length)));
      await run({ kind: "sumSquares", values, onHeap: isOnHeap(values), touched, sums }, canBeShared(values));
      return sums.reduce((total, sum) => total + sum, 0);
    },
    async dispose() {
      await Promise.all((started ?? []).map((helper) => helper.dispose()));
      started = undefined;
      for (const scratch of scratches.splice(0)) heap.free(scratch, scratchBytes);
    },
  };
}

/** Where the system refuses a large one. */
function smallHeap(threads: number): Heap {
  const heap = createHeap(1 + Math.ceil(((scratchBytes + pageSize) * threads) / pageSize));
  if (heap === undefined) throw new BackendError("onnx: the system gives no WebAssembly memory");
  return heap;
}

function startHelper(data: SimdOptions): Helper {
  const worker = new Worker(workerSource, { eval: true, name: "alignkit-kernels", workerData: data });
  const waiting: {
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  /** A thread that waits for work does not keep the process alive; one that works does. */
  const settle = (): void => {
    if (waiting.length === 0) worker.unref();
  };
  worker.unref();
  worker.on("message", () => {
    waiting.shift()?.resolve();
    settle();
  });
  worker.on("error", (cause) => {
    for (const { reject } of waiting.splice(0)) {
      reject(new BackendError(`a kernel thread failed: ${(cause as Error).message}`, { cause }));
    }
    settle();
  });
  return {
    run: (jobs) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.ref();
        worker.postMessage(jobs);
      }),
    async dispose() {
      await worker.terminate();
    },
  };
}
