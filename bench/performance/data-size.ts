/**
 * One measurement of how loading data or writing a checkpoint grows with size, in this process. Prints JSON.
 *
 *     node --expose-gc --conditions=@alignkit/source --import tsx bench/performance/data-size.ts rows|records|checkpoint PATH [BYTES]
 */
import { rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createCheckpointStore, float32, silentLogger } from "@alignkit/core";
import { readRows, streamTexts, withRecordStore } from "@alignkit/data";
import { peakMegabytes, resetPeak, residentMegabytes } from "../alignkit/resident-memory.js";

export interface DataMeasurement {
  readonly bytes: number;
  readonly milliseconds: number;
  /** Most that was resident beyond what was before. */
  readonly megabytes: number;
}

type Measure = (path: string, bytes: number) => Promise<number>;

const measures: Readonly<Record<string, Measure>> = {
  /** Row by row, nothing kept. */
  async rows(path) {
    let rows = 0;
    for await (const _ of readRows(path)) rows++;
    if (rows === 0) throw new RangeError(`${path}: no rows`);
    return (await stat(path)).size;
  },
  /** As a stage keeps them, but for the tokenizer. */
  async records(path) {
    const { length } = await withRecordStore(dirname(path), (store) => store.keep(streamTexts([path])));
    if (length === 0) throw new RangeError(`${path}: no rows`);
    return (await stat(path)).size;
  },
  /** In tensors of 16 MB, until it is on the disk. */
  async checkpoint(path, bytes) {
    const each = 2 ** 22;
    const tensor = float32(new Float32Array(each).fill(1), [each]);
    const count = Math.round(bytes / (4 * each));
    const tensors = Object.fromEntries(Array.from({ length: count }, (_, at) => [`w${at}`, tensor]));
    const store = createCheckpointStore({ directory: path, logger: silentLogger, keep: 1 });
    await store.save(1, { tensors: { model: tensors }, state: {} });
    return count * 4 * each;
  },
};

const [, , what = "", path = "", bytes = "0"] = process.argv;
const measure = measures[what];
if (measure === undefined) throw new RangeError(`${what} is none of ${Object.keys(measures).join(", ")}`);
globalThis.gc?.();
resetPeak();
const before = residentMegabytes();
const started = performance.now();
const size = await measure(path, Number(bytes));
const milliseconds = performance.now() - started;
const result: DataMeasurement = { bytes: size, milliseconds, megabytes: peakMegabytes() - before };
if (what === "checkpoint") await rm(path, { recursive: true });
console.log(JSON.stringify(result));
