/** One batch from prompts to responses. */
import { InterruptedError, type Random } from "@alignkit/core";
import type { Generation, GenerationOptions } from "./options.js";
import type { DecoderProgram } from "./program.js";
import { createSampler } from "./sampler.js";
import type { SamplingMask } from "./sampling-mask.js";
import { createSession } from "./session.js";
import type { TokenWeights } from "./weights.js";

/** A prompt with its place among all prompts, which names its random numbers. */
export interface IndexedPrompt {
  readonly index: number;
  readonly ids: readonly number[];
}

/** A response under way. */
interface Row {
  readonly index: number;
  readonly random: Random;
  readonly ids: number[];
  readonly logProbs: number[];
  readonly masks: SamplingMask[];
  finishReason: Generation["finishReason"] | null;
}

/**
 * A row's tokens follow from its prompt, its index and `random` alone, up to rounding: each row has its own stream.
 * @returns responses in the order of `prompts`
 * @throws {InterruptedError} when the signal fires between two steps
 */
export async function generateBatch(
  program: DecoderProgram,
  prompts: readonly IndexedPrompt[],
  options: GenerationOptions,
  random: Random,
  signal?: AbortSignal,
): Promise<Generation[]> {
  const { maxNewTokens, minNewTokens = 0, ignoreEos = false, onToken } = options;
  const stopTokens = options.stopTokenIds ?? program.config.eosTokenIds;
  const stops = new Set(ignoreEos ? [] : stopTokens);
  const sampler = createSampler(program.config.vocabularySize, options);
  const rows = prompts.map(
    ({ index }): Row => ({
      index,
      random: random.split(`row-${index}`),
      ids: [],
      logProbs: [],
      masks: [],
      finishReason: null,
    }),
  );
  const suppresses = minNewTokens > 0 && stops.size > 0;
  const session = await createSession(
    program,
    prompts.map(({ ids }) => ids),
    {
      newTokens: maxNewTokens,
      temperature: options.temperature,
      logits: options.temperature === 0 || suppresses,
      all: sampler.needsAll || suppresses,
    },
  );
  try {
    let active: readonly Row[] = rows;
    let uniforms = active.map(nextUniform);
    let distributions = await session.prefill(uniforms);
    for (let step = 1; ; step++) {
      // 1. A token for each row that goes on
      const suppressed = step <= minNewTokens ? [...stops] : [];
      for (const [position, row] of active.entries()) {
        if (row.finishReason !== null) continue;
        const own = distributions[position] as TokenWeights;
        const { token, logProb, mask } = sampler.sample(own, uniforms[position] as number, suppressed);
        row.ids.push(token);
        row.logProbs.push(logProb);
        if (mask !== undefined) row.masks.push(mask);
        if (stops.has(token)) row.finishReason = "stop";
        else if (step === maxNewTokens) row.finishReason = "length";
        onToken?.({ prompt: row.index, token, logProb });
      }

      // 2. Rows that ended are dropped, once it pays to copy the rest of the cache
      const going = withoutGaps(active, (row) => row.finishReason === null);
      if (going.length === 0) break;
      if (signal?.aborted) {
        throw new InterruptedError(`generation: interrupted after ${step} tokens`, { cause: signal.reason });
      }
      if (going.length <= active.length * keepAbove(program)) {
        await session.keep(going.map((row) => active.indexOf(row)));
        active = going;
      }

      // 3. What may follow it
      uniforms = active.map(nextUniform);
      distributions = await session.step(
        active.map((row) => row.ids.at(-1) as number),
        uniforms,
      );
    }
  } finally {
    session.dispose();
  }
  return rows.map(({ ids, logProbs, masks, finishReason }) => ({
    ids,
    logProbs: Float32Array.from(logProbs),
    ...(masks.length === 0 ? {} : { masks }),
    finishReason: finishReason as Generation["finishReason"],
  }));
}

/** By which the next token of a row is drawn; of one that ended any will do. */
const nextUniform = ({ random, finishReason }: Row): number => (finishReason === null ? random.uniform() : 0);

/** Those that stay: each at its place, but for the last ones, which fill the places of those that go. */
function withoutGaps<T>(items: readonly T[], stays: (item: T) => boolean): readonly T[] {
  const count = items.filter(stays).length;
  const last = items.slice(count).filter(stays);
  return items.slice(0, count).map((item) => (stays(item) ? item : (last.shift() as T)));
}

/** The share of rows still going below which the others are dropped: each new size may have to be compiled. */
const keepAbove = ({ backend }: DecoderProgram): number => (backend.dynamicShapes ? 3 / 4 : 1 / 2);
