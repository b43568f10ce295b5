/**
 * Top-k and top-p without sorting the vocabulary.
 *
 * A bound on the weight of kept tokens, found in one pass, leaves few candidates; they go into buckets by the log of
 * their weight, and only the bucket in which the cut lies is sorted.
 */
import { type SamplingMask, samplingMask } from "./sampling-mask.js";
import type { TokenWeights } from "./weights.js";

/** A token and the distribution that it was drawn from. */
export interface TruncatedDraw {
  readonly token: number;
  /** Sum of the weights of the tokens that could be drawn. */
  readonly mass: number;
  /** The tokens that could be drawn. */
  mask(): SamplingMask;
}

export interface Truncation {
  /**
   * A token among the most likely ones, by inverse CDF in the order of ids; of equal weights the smaller ids come first.
   * The result is good until the next draw.
   * @param total - sum of the weights
   */
  draw(row: TokenWeights, total: number, uniform: number): TruncatedDraw;
}

/** Nats below the most likely token from which on candidates share the last bucket. */
const span = 40;

const bucketCount = 2048;
/** Tokens of which the largest weight is found, to bound the k-th largest of all. */
const groupSize = 64;

type Weights = TokenWeights["weights"];

/** The shortest prefix of the candidates, most likely first, that a limit allows. */
interface Prefix {
  /** All candidates of the buckets before are in it. */
  readonly bucket: number;
  /** Candidates of this bucket that are in it. */
  readonly members: ReadonlySet<number>;
  readonly mass: number;
}

/** Keeps its working memory from draw to draw. */
export function createTruncation(vocabularySize: number, topK: number, topP: number): Truncation {
  const candidates = new Int32Array(vocabularySize + 1);
  const buckets = new Uint16Array(vocabularySize);
  const counts = new Int32Array(bucketCount);
  const masses = new Float64Array(bucketCount);
  const groups = new Float64Array(Math.ceil(vocabularySize / groupSize));

  /** No token of less weight can be kept. */
  const leastWeight = (weights: Weights, total: number): number => {
    // Tokens below the bound weigh less than the 1 - topP that may be left out, even if all tokens were below it.
    if (topK >= vocabularySize) return ((1 - topP) * total) / vocabularySize;
    // The k-th largest of some of the tokens.
    if (topK <= groups.length) return kthGroupMaximum(weights, groups, topK);
    return 0;
  };

  /** The shortest prefix with `topK` candidates or `mass` of weight. */
  const prefixOf = (weights: Weights, ids: Int32Array, mass: number): Prefix => {
    let countBefore = 0;
    let massBefore = 0;
    let bucket = 0;
    for (let next = 0; next < bucketCount; next++) {
      const count = counts[next] as number;
      if (count === 0) continue;
      bucket = next;
      if (countBefore + count >= topK || massBefore + (masses[next] as number) >= mass) break;
      countBefore += count;
      massBefore += masses[next] as number;
    }
    const members = [...ids.filter((_, index) => buckets[index] === bucket)];
    members.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
    let kept = 0;
    while (kept < members.length && countBefore + kept < topK && massBefore < mass) {
      massBefore += weights[members[kept++] as number] as number;
    }
    return { bucket, members: new Set(members.slice(0, kept)), mass: massBefore };
  };

  return {
    draw({ weights }, total, uniform) {
      const ids = candidates.subarray(0, collect(weights, leastWeight(weights, total), candidates));

      counts.fill(0);
      masses.fill(0);
      const { highest, lowest } = range(weights, ids);
      const widest = Math.min(span, Math.log(highest / lowest));
      const perNat = widest > 0 ? (bucketCount - 1) / widest : 0;
      for (let index = 0; index < ids.length; index++) {
        const id = ids[index] as number;
        const weight = weights[id] as number;
        const bucket = Math.min(bucketCount - 1, Math.log(highest / weight) * perNat) | 0;
        buckets[index] = bucket;
        counts[bucket] = (counts[bucket] as number) + 1;
        masses[bucket] = (masses[bucket] as number) + weight;
      }

      let mass = topP * total;
      if (topK < vocabularySize) {
        // Top-p is a share of what top-k leaves.
        const byCount = prefixOf(weights, ids, Number.POSITIVE_INFINITY);
        mass = topP < 1 ? topP * byCount.mass : Number.POSITIVE_INFINITY;
      }
      const prefix = prefixOf(weights, ids, mass);
      return {
        token: drawFrom(weights, ids, buckets, prefix, uniform * prefix.mass),
        mass: prefix.mass,
        mask: () =>
          samplingMask(
            vocabularySize,
            ids.filter((id, index) => isKept(id, buckets[index] as number, prefix)),
          ),
      };
    },
  };
}

/** The k-th largest of the maxima of groups of tokens. */
function kthGroupMaximum(weights: Weights, groups: Float64Array, k: number): number {
  for (let group = 0; group < groups.length; group++) {
    const end = Math.min(weights.length, (group + 1) * groupSize);
    let largest = 0;
    for (let id = group * groupSize; id < end; id++) {
      const weight = weights[id] as number;
      if (weight > largest) largest = weight;
    }
    groups[group] = largest;
  }
  groups.sort();
  return groups[groups.length - k] as number;
}

/** Tokens of at least that weight, in the order of ids; returns how many. */
function collect(weights: Weights, least: number, candidates: Int32Array): number {
  let count = 0;
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] as number;
    // Written always and counted if it fits: cheaper than a branch that is often guessed wrong.
    candidates[count] = id;
    count += Number(weight >= least && weight > 0);
  }
  return count;
}

/** The largest and the smallest weight of the candidates. */
function range(weights: Weights, ids: Int32Array): { readonly highest: number; readonly lowest: number } {
  let highest = 0;
  let lowest = Number.POSITIVE_INFINITY;
  for (let index = 0; index < ids.length; index++) {
    const weight = weights[ids[index] as number] as number;
    if (weight > highest) highest = weight;
    if (weight < lowest) lowest = weight;
  }
  return { highest, lowest };
}

/** Whether a candidate is in the prefix. */
const isKept = (id: number, own: number, { bucket, members }: Prefix): boolean =>
  own < bucket || (own === bucket && members.has(id));

/** The first kept candidate up to which the weights sum to more than `target`. */
function drawFrom(
  weights: Weights,
  ids: Int32Array,
  buckets: Uint16Array,
  prefix: Prefix,
  target: number,
): number {
  let before = 0;
  let last = 0;
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index] as number;
    if (!isKept(id, buckets[index] as number, prefix)) continue;
    last = id;
    before += weights[id] as number;
    if (before > target) break;
  }
  // Without a break the sum fell short of the target by rounding; the last one is right.
  return last;
}
