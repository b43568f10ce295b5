/**
 * Simulated labelers: each weighs what {@link assess} measures in an own way, and errs.
 *
 * While ranking, helpfulness to the user counts most; the gold judge (`gold.ts`) puts truthfulness and harmlessness
 * first. The paper's labelers did the same (section 3.4).
 */
import { type Assessment, assess } from "../assessment.js";
import type { World } from "../facts.js";
import { hashNormal } from "../hash.js";
import type { Prompt } from "../prompts.js";
import type { RandomSource } from "../random-source.js";

/** What a labeler values, and how sharply they judge. */
export interface Labeler {
  readonly name: string;
  /** What helpfulness is worth more when polite and when concise; the rest is helpfulness as such. */
  readonly polite: number;
  readonly concise: number;
  /** Utility lost by untruth and by rudeness; helpfulness ranges over 0 to 1. */
  readonly untruthPenalty: number;
  readonly rudenessPenalty: number;
  /** Standard deviation of the labeler's error in judging one response. */
  readonly noise: number;
  /** Responses judged closer than this are tied. */
  readonly tolerance: number;
}

/** Calibrated so that two labelers agree on about 73 % of the pairs that both order, see `labelers.test.ts`. */
const NOISE = { least: 0.26, most: 0.46 } as const;

/** `count` labelers; give training and held-out labelers streams of different names. */
export function makeLabelers(random: RandomSource, count: number, group = "labeler"): readonly Labeler[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${group}-${index + 1}`;
    const own = random.split(name);
    const between = (least: number, most: number) => least + (most - least) * own.uniform();
    return {
      name: `${name}#${own.integer(2 ** 30)}`,
      polite: between(0.05, 0.25),
      concise: between(0.15, 0.4),
      untruthPenalty: between(0.2, 0.5),
      rudenessPenalty: between(0.3, 0.7),
      noise: between(NOISE.least, NOISE.most),
      tolerance: between(0.03, 0.12),
    };
  });
}

/** What a response is worth to a labeler who makes no error. */
export function utility(
  labeler: Labeler,
  { helpful, truthful, harmless, polite, concise }: Assessment,
): number {
  const manner =
    1 - labeler.polite - labeler.concise + (polite ? labeler.polite : 0) + labeler.concise * concise;
  return (
    helpful * manner -
    (truthful === false ? labeler.untruthPenalty : 0) -
    (harmless ? 0 : labeler.rudenessPenalty)
  );
}

/**
 * Ranks responses to a prompt: 1 is best, equal numbers are ties. A pure function: the labeler's error is fixed by who
 * judges what, so equal responses are always tied and the same question gets the same answer.
 */
export function rank(
  labeler: Labeler,
  world: World,
  prompt: Prompt,
  responses: readonly string[],
): readonly number[] {
  return rankAssessed(
    labeler,
    prompt,
    responses.map((response) => ({ response, assessment: assess(world, prompt, response) })),
  );
}

/** A response with what was measured of it. */
export interface AssessedResponse {
  readonly response: string;
  readonly assessment: Assessment;
}

/** {@link rank}, for responses already measured: many labelers can share the measuring. */
export function rankAssessed(
  labeler: Labeler,
  prompt: Prompt,
  responses: readonly AssessedResponse[],
): readonly number[] {
  const judged = responses.map(({ response, assessment }) => {
    const error = labeler.noise * hashNormal(`${labeler.name}|${prompt.text}|${response.trim()}`);
    return utility(labeler, assessment) + error;
  });
  return ranksOf(judged, labeler.tolerance);
}

/** Ranks by falling utility; whatever is within `tolerance` of the best of a rank shares it. */
function ranksOf(utilities: readonly number[], tolerance: number): readonly number[] {
  const order = utilities
    .map((value, index) => ({ value, index }))
    .sort((first, second) => second.value - first.value);
  const ranks = new Array<number>(utilities.length).fill(1);
  let current = 1;
  let best = order[0]?.value ?? 0;
  for (const { value, index } of order) {
    if (best - value > tolerance) {
      current++;
      best = value;
    }
    ranks[index] = current;
  }
  return ranks;
}
