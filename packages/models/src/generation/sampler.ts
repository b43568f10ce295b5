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
import { blockSize, drawToken, weigh } from "./weights.js";

export interface SamplerSettings {
  /** Divides the logits; 0 takes the most likely token. */
  readonly temperature: number;
  /** Only this many of the most likely tokens. */
  readonly topK?: number;
  /** Only the fewest most likely tokens that have this probability together; of those that topK leaves. */
  readonly topP?: number;
  /** Log-probabilities of what topK and topP leave, and which tokens that are; temperature above 0. */
  readonly recordMasks?: boolean;
}

export interface SampledToken {
  readonly token: number;
  /** Nats; at temperature 0 that of temperature 1. */
  readonly logProb: number;
  /** Tokens that could be drawn, with `recordMasks` when topK or topP cut. */
  readonly mask?: SamplingMask;
}

/** Keeps its working memory from draw to draw. */
export interface Sampler {
  /**
   * @param logits - of one row, `[V]`; entries of `suppressed` tokens are overwritten
   * @param uniform - in `[0, 1)`: inverse CDF over the tokens in the order of their ids
   * @param suppressed - tokens that must not be drawn; they count in the log-probability all the same
   */
  sample(logits: Float32Array, uniform: number, suppressed?: readonly number[]): SampledToken;
}

/** @throws {ConfigError} naming all settings that are out of range */
export function createSampler(vocabularySize: number, settings: SamplerSettings): Sampler {
  const problems = samplerProblems(settings);
  if (problems.length > 0)
    throw new ConfigError(`sampler: ${problems.join("; ")}`, { details: { problems } });
  const { temperature, topK = vocabularySize, topP = 1, recordMasks = false } = settings;
  const isGreedy = temperature === 0;
  const inverse = isGreedy ? 1 : 1 / temperature;
  const weights = new Float64Array(vocabularySize);
  const blocks = new Float64Array(Math.ceil(vocabularySize / blockSize));
  const truncation = topK < vocabularySize || topP < 1 ? createTruncation(vocabularySize, topK, topP) : null;

  return {
    sample(logits, uniform, suppressed = []) {
      // 1. The whole distribution
      const highest = highestOf(logits);
      const total = weigh(logits, highest, inverse, weights, blocks);

      // 2. What may be drawn
      let allowedHighest = highest;
      let allowedTotal = total;
      if (suppressed.length > 0) {
        for (const token of suppressed) logits[token] = Number.NEGATIVE_INFINITY;
        allowedHighest = highestOf(logits);
        allowedTotal = weigh(logits, allowedHighest, inverse, weights, blocks);
      }

      // 3. The token
      const logProbOf = (token: number, top: number, mass: number) =>
        ((logits[token] as number) - top) * inverse - Math.log(mass);
      if (isGreedy || truncation === null) {
        const token = isGreedy
          ? logits.indexOf(allowedHighest)
          : drawToken(weights, blocks, uniform * allowedTotal);
        return { token, logProb: logProbOf(token, highest, total) };
      }
      const drawn = truncation.draw(logits, allowedHighest, inverse, weights, allowedTotal, uniform);
      const { token, mass } = drawn;
      if (!recordMasks) return { token, logProb: logProbOf(token, highest, total) };
      return { token, logProb: logProbOf(token, allowedHighest, mass), mask: drawn.mask() };
    },
  };
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

/** @throws {AlignkitError} when no logit is finite, or one is infinite */
function highestOf(logits: Float32Array): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > highest) highest = logit;
  }
  if (Number.isFinite(highest)) return highest;
  throw new AlignkitError(
    "NOT_FINITE",
    `sampler: the largest of the logits is ${highest}; the model's weights are broken, or every token is suppressed`,
  );
}
