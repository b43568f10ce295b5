/**
 * One batch being decoded: its cache on the device, and where its rows stand.
 *
 * Rows begin at slot 0, and each has a length of its own; what padding leaves behind a short prompt is never read, and
 * new tokens overwrite it.
 */
import { type DeviceTensor, exactDivide, float32, type HostTensor, int32, sizeOf } from "@alignkit/core";
import type { DecoderProgram } from "./program.js";
import { promptChunk } from "./prompt-chunk.js";
import { blockSize, drawBlock, sumOfBlocks, type TokenWeights } from "./weights.js";

/** Owns its cache; call `dispose` when done. */
export interface DecodingSession {
  /**
   * Runs the prompts.
   * @param uniforms - in `[0, 1)`, by row: by which it will be drawn
   * @returns what may follow them, by row; good until the next step
   */
  prefill(uniforms: readonly number[]): Promise<readonly TokenWeights[]>;
  /** Appends a token to each row; the rest is as for `prefill`. */
  step(tokens: readonly number[], uniforms: readonly number[]): Promise<readonly TokenWeights[]>;
  /** Goes on with some of the rows only, `rows[n] >= n`: their cache moves up within its memory. */
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
 * @param settings.newTokens - at most, per row
 * @param settings.temperature - divides the logits; 0 leaves them
 * @param settings.logits - whether the logits are wanted, beside the weights
 * @param settings.all - whether the weights of all tokens are wanted, not only of the block that is drawn from
 */
export async function createSession(
  program: DecoderProgram,
  prompts: readonly (readonly number[])[],
  settings: {
    readonly newTokens: number;
    readonly temperature: number;
    readonly logits: boolean;
    readonly all: boolean;
  },
): Promise<DecodingSession> {
  const { newTokens, temperature } = settings;
  // Where each size is compiled for itself, sizes are rounded, so that there are few.
  const round = (size: number, multiple: number) =>
    program.backend.dynamicShapes ? size : Math.ceil(size / multiple) * multiple;
  // The last token of a prompt is the first that is stepped.
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  const width = Math.min(round(longest - 1, 16), program.config.maxPositions);
  // The last new token is drawn, but not run.
  const slots = round(Math.max(width, longest - 1 + newTokens), 32);
  let lengths = prompts.map((prompt) => prompt.length - 1);
  let cache: CacheMemory = { keys: [], values: [] };

  program.stepper.expect(prompts.length, newTokens);
  const inverse = await program.backend.upload(float32([temperature === 0 ? 1 : 1 / temperature], []));
  const readers = { weights: rowReader(), blocks: rowReader(), logits: rowReader() };
  /** What was given last, and may still be read. */
  let given: readonly DeviceTensor[] = [];
  const release = (): void => {
    for (const tensor of given) tensor.dispose();
    given = [];
  };

  // Weights that would have to be copied stay where they are, but for the block that is drawn from.
  const readsOne = !settings.all && !settings.logits && inverse.view === undefined;

  const step: DecodingSession["step"] = async (tokens, uniforms) => {
    release();
    const { cache: next, ...distribution } = await program.stepper.step({
      ids: int32(tokens, [tokens.length]),
      lengths: int32(lengths, [lengths.length]),
      inverse,
      cache,
      ...(readsOne ? { uniforms: float32(uniforms, [uniforms.length]) } : {}),
    });
    cache = next;
    given = Object.values(distribution);
    lengths = lengths.map((length) => length + 1);
    const { weights, blocks, logits } = distribution;
    const count = exactDivide(weights.type.shape[1] as number, blockSize, "weights");
    const line = await readers.blocks(blocks);
    const sums = (row: number) => line(row).subarray(0, count);
    /** Rounded as in the graph, a target at the edge of a block may fall into the next. */
    const isDrawn = (uniform: number, row: number) =>
      drawBlock(sums(row), uniform * sumOfBlocks(sums(row))).block === line(row)[count];
    const all = readsOne && uniforms.every(isDrawn) ? undefined : await readers.weights(weights);
    const logitsOf = settings.logits ? await readers.logits(logits as DeviceTensor) : undefined;
    return tokens.map((_, row) => ({
      blocks: sums(row),
      ...(all === undefined
        ? { weights: line(row).subarray(count + 1), first: (line(row)[count] as number) * blockSize }
        : { weights: all(row) }),
      ...(logitsOf === undefined ? {} : { logits: logitsOf(row) }),
    }));
  };

  return {
    async prefill(uniforms) {
      const { parameters } = program;
      const room = [prompts.length, slots] as const;
      if (width === 0) cache = await emptyCache(program, ...room);
      for (let start = 0; start < width; start += chunkLength) {
        const chunk = promptChunk(prompts, start, Math.min(chunkLength, width - start), round);
        ({ cache } = await (start === 0
          ? program.prefill({ parameters, ...chunk, room: int32(new Int32Array(sizeOf(room)), room) })
          : program.prefillMore({ parameters, ...chunk, cache, start: int32([start], []) })));
      }
      return step(
        prompts.map((prompt) => prompt.at(-1) as number),
        uniforms,
      );
    },
    step,
    async keep(rows) {
      ({ cache } = await program.selectRows({ cache, rows: int32(rows, [rows.length]) }));
      lengths = rows.map((row) => lengths[row] as number);
    },
    dispose() {
      release();
      inverse.dispose();
      disposeCache(cache);
    },
  };
}

/** Gives the rows of matrices: where they lie, or read one after the other into the same memory. */
function rowReader(): (tensor: DeviceTensor) => Promise<(row: number) => Float32Array> {
  let memory: HostTensor["data"] | undefined;
  return async (tensor) => {
    memory = tensor.view?.() ?? (await tensor.read(memory)).data;
    const matrix = memory as Float32Array;
    const width = tensor.type.shape[1] as number;
    return (row) => matrix.subarray(row * width, (row + 1) * width);
  };
}

/** Of zeros: slots that are not filled yet are read with probability 0, and must hold numbers. */
async function emptyCache(
  { backend, config }: DecoderProgram,
  rows: number,
  slots: number,
): Promise<CacheMemory> {
  const { keyValueHeads, headDimension } = config.attention;
  const shape = [rows, keyValueHeads, slots, headDimension];
  const zeros = float32(new Float32Array(sizeOf(shape)), shape);
  const upload = () => Promise.all(Array.from({ length: config.layers }, () => backend.upload(zeros)));
  return { keys: await upload(), values: await upload() };
}

function disposeCache(cache: CacheMemory): void {
  for (const tensor of [...cache.keys, ...cache.values]) tensor.dispose();
}
