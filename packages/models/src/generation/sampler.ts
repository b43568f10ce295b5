/**
 * Draws tokens from next-token logits, on the host.
 *
 * The log-probability that comes with a token is that of the whole distribution at the temperature, before top-k and
 * top-p cut it: what a training graph computes from the same logits. With `recordMasks` it is that of the cut
 * distribution, and what was kept comes with it, so that a training graph can cut in the same way.
 */
import { AlignkitError, ConfigError } from "@alignkit/core";
import type { SamplingMask } from "./sampling-mask.js";
import { createTruncation } from "./truncation.js";
import { drawToken, sumOfBlocks, type TokenWeights, tokenWeights } from "./weights.js";

/** Which tokens may be drawn, and how evenly. */
export interface SamplerSettings {
  /** 0 takes the most likely token; else it is what the logits were divided by. */
  readonly temperature: number;
  /** Only this many of the most likely tokens. */
  readonly topK?: number;
  /** Only the fewest most likely tokens that have this probability together; of those that topK leaves. */
  readonly topP?: number;
  /** Log-probabilities of what topK and topP leave, and which tokens that are; temperature above 0. */
  readonly recordMasks?: boolean;
}

/** A token that was drawn. */
export interface SampledToken {
  readonly token: number;
  /** Nats; at temperature 0 that of temperature 1. */
  readonly logProb: number;
  /** Tokens that could be drawn, with `recordMasks` when topK or topP cut. */
  readonly mask?: SamplingMask;
}

/** Keeps its working memory from draw to draw. */
export interface Sampler {
  /** Whether it needs the weights of all tokens, not only of the block that is drawn from. */
  readonly needsAll: boolean;
  /**
   * @param row - with logits at temperature 0, or where tokens are suppressed
   * @param uniform - in `[0, 1)`: inverse CDF over the tokens in the order of their ids
   * @param suppressed - tokens that must not be drawn; they count in the log-probability all the same
   * @throws {AlignkitError} when no logit is finite, or one is infinite
   */
  sample(row: TokenWeights, uniform: number, suppressed?: readonly number[]): SampledToken;
}

/** @throws {ConfigError} naming all settings that are out of range */
export function createSampler(vocabularySize: number, settings: SamplerSettings): Sampler {
  const problems = samplerProblems(settings);
  if (problems.length > 0)
    throw new ConfigError(`sampler: ${problems.join("; ")}`, { details: { problems } });
  const { temperature, topK = vocabularySize, topP = 1, recordMasks = false } = settings;
  const truncation = topK < vocabularySize || topP < 1 ? createTruncation(vocabularySize, topK, topP) : null;

  return {
    needsAll: temperature === 0 || truncation !== null,
    sample(row, uniform, suppressed = []) {
      // 1. The whole distribution, and what of it may be drawn
      const whole = suppressed.length === 0 ? row : tokenWeights(logitsOf(row));
      const allowed = suppressed.length === 0 ? row : without(logitsOf(row), suppressed);
      const total = sumOf(whole.blocks);
      const allowedTotal = allowed === whole ? total : sumOf(allowed.blocks);

      // 2. The token
      const wholeLogProb = (token: number) =>
        logRatio(whole.weights[token - (whole.first ?? 0)] as number, total);
      if (temperature === 0 || truncation === null) {
        const token =
          temperature === 0 ? highestToken(logitsOf(allowed)) : drawToken(allowed, uniform * allowedTotal);
        return { token, logProb: wholeLogProb(token) };
      }
      const drawn = truncation.draw(allowed, allowedTotal, uniform);
      const { token, mass } = drawn;
      if (!recordMasks) return { token, logProb: wholeLogProb(token) };
      return { token, logProb: logRatio(allowed.weights[token] as number, mass), mask: drawn.mask() };
    },
  };
}

function logitsOf({ logits }: TokenWeights): Float32Array {
  if (logits === undefined) throw new Error("sampler: greedy decoding and suppressed tokens need the logits");
  return logits;
}

function highestToken(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if ((logits[id] as number) > (logits[best] as number)) best = id;
  }
  return best;
}

/** Finite even where the weight is too small for a number. */
const logRatio = (weight: number, total: number): number =>
  Math.log(Math.max(weight / total, Number.MIN_VALUE));

function without(logits: Float32Array, tokens: readonly number[]): TokenWeights {
  const rest = logits.slice();
  for (const token of tokens) rest[token] = Number.NEGATIVE_INFINITY;
  return tokenWeights(rest);
}

/** @throws {AlignkitError} when nothing can be drawn */
function sumOf(blocks: TokenWeights["blocks"]): number {
  const total = sumOfBlocks(blocks);
  if (total > 0 && Number.isFinite(total)) return total;
  throw new AlignkitError(
    "NOT_FINITE",
    `sampler: the probabilities of the next token sum to ${total}; the model's weights are broken, or every token is suppressed`,
  );
}

/** What is wrong with the settings, one text each. */
export function samplerProblems({ temperature, topK, topP }: SamplerSettings): string[] {
  const problems: string[] = [];
  if (!(temperature >= 0 && Number.isFinite(temperature))) {
    problems.push(`temperature must be 0 (greedy) or positive, it is ${temperature}`);
  }
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) {
    problems.push(`topK must be a positive integer, it is ${topK}`);
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    problems.push(`topP must be above 0 and at most 1, it is ${topP}`);
  }
  return problems;
}
