import type { Random } from "@alignkit/core";

/** Parts of a data set: for training, for choosing checkpoints and settings, for the last word. */
export const splitNames = ["train", "eval", "test"] as const;
/** One of {@link splitNames}. */
export type SplitName = (typeof splitNames)[number];

/** Shares of users; the rest is for training. */
export interface SplitShares {
  readonly evaluation: number;
  readonly test: number;
}

/**
 * The split of a user. It depends on the seed and the user alone, so that all rows of a user are in one split, and stay
 * there when rows of others come or go; the shares hold on average.
 * @param random - a stream of its own; it is not advanced
 * @see Ouyang et al. 2022, section 3.2: "we create our train, validation, and test splits based on user ID"
 */
export function splitOf(user: string, { evaluation, test }: SplitShares, random: Random): SplitName {
  const place = random.split(user).uniform();
  if (place < evaluation) return "eval";
  return place < evaluation + test ? "test" : "train";
}
