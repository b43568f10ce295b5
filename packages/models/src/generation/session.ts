/**
 * One batch being decoded: its cache on the device, and where its rows stand.
 *
 * Rows begin at slot 0, and each has a length of its own; what padding leaves behind a short prompt is never read, and
 * new tokens overwrite it.
 */
import { type DeviceTensor, float32, int32 } from "@alignkit/core";
import type { DecoderProgram } from "./program.js";
import type { TokenWeights } from "./weights.js";

/** Owns its cache; call `dispose` when done. */
export interface DecodingSession {
  /** Runs the prompts. @returns what may follow them, by row */
  prefill(): Promise<readonly TokenWeights[]>;
  /** Appends a token to each row. @returns what may follow them, by row */
  step(tokens: readonly number[]): Promise<readonly TokenWeights[]>;
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
 * @param newTokens - at most, per row
 * @param temperature - divides the logits; 0 leaves them
 */
export async function createSession(
  program: DecoderProgram,
  prompts: readonly (readonly number[])[],
  newTokens: number,
  temperature: number,
): Promise<DecodingSession> {
  // Where each size is compiled for itself, sizes are rounded, so that there are few.
  const round = (size: number, multiple: number) =>
    program.backend.dynamicShapes ? size : Math.ceil(size / multiple) * multiple;
  // The last token of a prompt is the first that is stepped.
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const width = Math.min(round(longest - 1, 16), program.config.maxPositions);
  // The last new token is drawn, but not run.
  const slots = round(Math.max(width, longest - 1 + newTokens), 32);
  let lengths = prompts.map((prompt) => prompt.length - 1);
  let cache = await emptyCache(program, prompts.length, slots);

  const inverse = float32([temperature === 0 ? 1 : 1 / temperature], []);

  const step = async (tokens: readonly number[]): Promise<readonly TokenWeights[]> => {
    const { cache: next, ...distribution } = await program.step({
      ids: int32(tokens, [tokens.length]),
      lengths: int32(lengths, [lengths.length]),
      inverse,
      cache,
    });
    cache = next;
    lengths = lengths.map((length) => length + 1);
    const [logits, highest, weights, blocks] = [
      await takeRowsOf(distribution.logits),
      await takeRowsOf(distribution.highest),
      await takeRowsOf(distribution.weights),
      await takeRowsOf(distribution.blocks),
    ];
    return tokens.map((_, row) => ({
      logits: logits(row),
      highest: highest(row)[0] as number,
      weights: weights(row),
      blocks: blocks(row),
    }));
  };

  return {
    async prefill() {
      const { parameters } = program;
      for (let start = 0; start < width; start += chunkLength) {
        const length = Math.min(chunkLength, width - start);
        const ids = new Int32Array(prompts.length * length);
        for (const [row, prompt] of prompts.entries()) {
          ids.set(prompt.slice(start, Math.min(start + length, prompt.length)), row * length);
        }
        const tokens = int32(ids, [prompts.length, length]);
        ({ cache } = await program.prefill({ parameters, ids: tokens, cache, start: int32([start], []) }));
      }
      return step(prompts.map((prompt) => prompt.at(-1) as number));
    },
    step,
    async keep(rows) {
      const kept = await program.selectRows({ cache, rows: int32(rows, [rows.length]) });
      disposeCache(cache);
      cache = kept.cache;
      lengths = rows.map((row) => lengths[row] as number);
    },
    dispose: () => disposeCache(cache),
  };
}

/** Reads a matrix and frees it; gives its rows. */
async function takeRowsOf(tensor: DeviceTensor): Promise<(row: number) => Float32Array> {
  const { type, data } = await tensor.read();
  tensor.dispose();
  const width = type.shape[1] as number;
  return (row) => (data as Float32Array).subarray(row * width, (row + 1) * width);
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
