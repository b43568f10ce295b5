/**
 * One batch being decoded: its cache on the device, and where its rows stand.
 *
 * Prompts are left-padded to one width, so that all rows write to the same slot at each step; slots of padding, and
 * those not filled yet, are masked.
 */
import { type DeviceTensor, float32, int32 } from "@alignkit/core";
import { hidden, seesKey } from "../masks.js";
import type { DecoderProgram } from "./program.js";

/** Owns its cache; call `dispose` when done. */
export interface DecodingSession {
  /** Rows that are left, in the order of the prompts. */
  readonly rows: number;
  /** Runs the prompts. @returns logits after their last tokens, `[rows, V]` */
  prefill(): Promise<Float32Array>;
  /** Appends a token to each row. @returns logits after them, `[rows, V]` */
  step(tokens: readonly number[]): Promise<Float32Array>;
  /** Goes on with some of the rows only. */
  keep(rows: readonly number[]): Promise<void>;
  dispose(): void;
}

/** Cached keys and values per layer. */
interface CacheMemory {
  readonly keys: readonly DeviceTensor[];
  readonly values: readonly DeviceTensor[];
}

/** Prompt tokens that are run at once: bounds the memory of attention scores. */
const chunkLength = 128;

/**
 * @param prompts - at least one, none empty
 * @param capacity - tokens per row at most, prompt included
 */
export async function createSession(
  program: DecoderProgram,
  prompts: readonly (readonly number[])[],
  capacity: number,
): Promise<DecodingSession> {
  const { slidingWindow } = program.config.attention;
  // Where each size is compiled for itself, sizes are rounded, so that there are few.
  const round = (size: number, step: number) =>
    program.backend.dynamicShapes ? size : Math.ceil(size / step) * step;
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const width = round(longest, 16);
  const slots = round(width + capacity - longest, 32);
  /** Padding before each row. */
  let offsets = prompts.map((prompt) => width - prompt.length);
  let cache = await emptyCache(program, prompts.length, slots);
  let filled = 0;

  /** Runs the tokens of slots `filled .. filled + length - 1`. */
  const run = async (tokenAt: (row: number, slot: number) => number, length: number) => {
    const rows = offsets.length;
    const ids = new Int32Array(rows * length);
    const positions = new Int32Array(rows * length);
    const last = new Int32Array(rows);
    for (const [row, offset] of offsets.entries()) {
      last[row] = row * length + length - 1;
      for (let t = 0; t < length; t++) {
        const slot = filled + t;
        const isReal = slot >= offset;
        ids[row * length + t] = isReal ? tokenAt(row, slot) : 0;
        positions[row * length + t] = isReal ? slot - offset : 0;
      }
    }
    const added: Span = { start: filled, length };
    const pastMask = maskOf(offsets, added, { start: 0, length: slots }, filled, slidingWindow);
    const newMask = maskOf(offsets, added, added, filled + length, slidingWindow);
    const result = await program.decode({
      ids: int32(ids, [rows, length]),
      positions: int32(positions, [rows, length]),
      pastMask: float32(pastMask, [rows, 1, length, slots]),
      newMask: float32(newMask, [rows, 1, length, length]),
      rows: int32(last, [rows]),
      cache,
      start: int32([filled], []),
    });
    cache = result.cache;
    filled += length;
    try {
      return (await result.logits.read()).data as Float32Array;
    } finally {
      result.logits.dispose();
    }
  };

  return {
    get rows() {
      return offsets.length;
    },
    async prefill() {
      let logits: Float32Array | undefined;
      while (filled < width) {
        logits = await run(
          (row, slot) => prompts[row]?.[slot - (offsets[row] as number)] as number,
          Math.min(chunkLength, width - filled),
        );
      }
      return logits as Float32Array;
    },
    step: (tokens) => run((row) => tokens[row] as number, 1),
    async keep(rows) {
      const kept = await program.selectRows({ cache, rows: int32(rows, [rows.length]) });
      disposeCache(cache);
      cache = kept.cache;
      offsets = rows.map((row) => offsets[row] as number);
    },
    dispose: () => disposeCache(cache),
  };
}

/** A run of slots. */
interface Span {
  readonly start: number;
  readonly length: number;
}

/**
 * Additive mask of queries over keys, `[B, 1, queries, keys]`.
 * @param end - slots from here on hold no key
 */
function maskOf(
  offsets: readonly number[],
  queries: Span,
  keys: Span,
  end: number,
  slidingWindow: number | null,
): Float32Array {
  const mask = new Float32Array(offsets.length * queries.length * keys.length).fill(hidden);
  let at = 0;
  for (const offset of offsets) {
    for (let query = queries.start; query < queries.start + queries.length; query++) {
      for (let slot = Math.max(keys.start, offset); slot < end; slot++) {
        if (seesKey(query, slot, slidingWindow)) mask[at + slot - keys.start] = 0;
      }
      at += keys.length;
    }
  }
  return mask;
}

async function emptyCache(
  { backend, config }: DecoderProgram,
  rows: number,
  slots: number,
): Promise<CacheMemory> {
  const { keyValueHeads, headDimension } = config.attention;
  const shape = [rows, keyValueHeads, slots, headDimension];
  // Masked slots are read, with probability 0: their memory must hold numbers.
  const zeros = float32(new Float32Array(rows * keyValueHeads * slots * headDimension), shape);
  const allocate = () => Promise.all(Array.from({ length: config.layers }, () => backend.upload(zeros)));
  return { keys: await allocate(), values: await allocate() };
}

function disposeCache(cache: CacheMemory): void {
  for (const tensor of [...cache.keys, ...cache.values]) tensor.dispose();
}
