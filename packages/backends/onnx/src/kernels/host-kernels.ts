/**
 * The SIMD kernels over several threads: each takes a part of the array, this thread one as well.
 *
 * Helpers see arrays over shared memory only; others, and small ones, are worked on here. Results are the same
 * whatever the number of threads: AdamW goes element by element, sums are taken over segments of fixed size.
 */
import { Worker } from "node:worker_threads";
import { BackendError } from "@alignkit/core";
import { createHeap, type Heap, pageSize } from "../heap.js";
import { pieceLength, type Touched } from "../touched.js";
import { type Job, runJob, type Segment } from "./jobs.js";
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
/** Floats per partial sum. */
const segmentLength = 1 << 17;
/** Parts begin at multiples of this, so that pieces are whole. */
const alignment = 1 << 13;

interface Helper {
  run(job: Job): Promise<readonly number[]>;
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
  /** Runs one job per thread, the last on this one. */
  const runAll = async (jobs: readonly Job[]): Promise<readonly number[]> => {
    const theirs = jobs.slice(0, -1).map((job, index) => (team()[index] as Helper).run(job));
    const own = runJob(kernels, jobs.at(-1) as Job);
    return [...(await Promise.all(theirs)).flat(), ...own];
  };
  const partsOf = (values: Float32Array): number =>
    values.length >= smallestShared && values.buffer instanceof SharedArrayBuffer ? helpers + 1 : 1;

  return {
    async adamW(arrays, scalars, touched) {
      const parts = Object.values(arrays).every((array) => partsOf(array) > 1) ? helpers + 1 : 1;
      const cuts = cutEvenly(arrays.parameter.length, parts, alignment);
      const cut = ({ start, end }: Cut): AdamWArrays => ({
        parameter: arrays.parameter.subarray(start, end),
        gradient: arrays.gradient.subarray(start, end),
        first: arrays.first.subarray(start, end),
        second: arrays.second.subarray(start, end),
      });
      const onHeap: Places = {
        parameter: isOnHeap(arrays.parameter),
        gradient: isOnHeap(arrays.gradient),
        first: isOnHeap(arrays.first),
        second: isOnHeap(arrays.second),
      };
      await runAll(
        cuts.map((part) => ({
          kind: "adamW",
          arrays: cut(part),
          scalars,
          onHeap,
          touched: piecesOf(touched, part),
        })),
      );
    },
    addRows: (base, ids, rows) => kernels.addRows(base, ids, rows, isOnHeap(base) && isOnHeap(rows)),
    async sumSquares(values, touched) {
      const cuts = cutEvenly(values.length, partsOf(values), segmentLength);
      const onHeap = isOnHeap(values);
      const jobs = cuts.map(
        (cut): Job => ({ kind: "sumSquares", segments: segmentsOf(values, touched, cut), onHeap }),
      );
      const sums = await runAll(jobs);
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

interface Cut {
  readonly start: number;
  readonly end: number;
}

/** At most `parts` ranges of like length that begin at multiples of `step`; at least one. */
function cutEvenly(length: number, parts: number, step: number): readonly Cut[] {
  const size = Math.max(step, Math.ceil(length / parts / step) * step);
  const count = Math.max(1, Math.ceil(length / size));
  return Array.from({ length: count }, (_, index) => ({
    start: index * size,
    end: Math.min(length, (index + 1) * size),
  }));
}

function segmentsOf(
  values: Float32Array,
  touched: Touched | undefined,
  { start, end }: Cut,
): readonly Segment[] {
  const segments: Segment[] = [];
  for (let at = start; at < end; at += segmentLength) {
    const segment = { start: at, end: Math.min(end, at + segmentLength) };
    segments.push({ values: values.subarray(at, segment.end), touched: piecesOf(touched, segment) });
  }
  return segments;
}

/** Of a cut that begins with a piece. */
const piecesOf = (touched: Touched | undefined, { start, end }: Cut): Touched | undefined =>
  touched?.slice(start / pieceLength, Math.ceil(end / pieceLength));

function startHelper(data: SimdOptions): Helper {
  const worker = new Worker(workerSource, { eval: true, name: "alignkit-kernels", workerData: data });
  const waiting: {
    readonly resolve: (sums: readonly number[]) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  /** A thread that waits for work does not keep the process alive; one that works does. */
  const settle = (): void => {
    if (waiting.length === 0) worker.unref();
  };
  worker.unref();
  worker.on("message", (sums: readonly number[]) => {
    waiting.shift()?.resolve(sums);
    settle();
  });
  worker.on("error", (cause) => {
    for (const { reject } of waiting.splice(0)) {
      reject(new BackendError(`a kernel thread failed: ${(cause as Error).message}`, { cause }));
    }
    settle();
  });
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.ref();
        worker.postMessage(job);
      }),
    async dispose() {
      await worker.terminate();
    },
  };
}
