/** How often labelers agree: the paper reports 72.6 +- 1.5 % among its training labelers. */
import { ConfigError } from "@alignkit/core";
import { assess } from "../assessment.js";
import type { World } from "../facts.js";
import type { RankingItem } from "./corruption.js";
import { type Labeler, rankAssessed } from "./labelers.js";

/**
 * Share of the comparisons on which two labelers agree, over all pairs of labelers and of responses. A comparison that
 * either of them ties is left out, as ties are in training.
 * @throws {ConfigError} when there is no comparison to count
 */
export function agreement(world: World, labelers: readonly Labeler[], items: readonly RankingItem[]): number {
  let agreed = 0;
  let compared = 0;
  for (const { prompt, responses } of items) {
    const assessed = responses.map((response) => ({ response, assessment: assess(world, prompt, response) }));
    const rankings = labelers.map((labeler) => rankAssessed(labeler, prompt, assessed));
    for (const [index, first] of rankings.entries()) {
      for (const second of rankings.slice(index + 1)) {
        const counts = compareRankings(first, second);
        agreed += counts.agreed;
        compared += counts.compared;
      }
    }
  }
  if (compared === 0)
    throw new ConfigError("agreement: no comparisons; give two labelers and items they do not tie");
  return agreed / compared;
}

function compareRankings(
  first: readonly number[],
  second: readonly number[],
): { agreed: number; compared: number } {
  let agreed = 0;
  let compared = 0;
  for (let a = 0; a < first.length; a++) {
    for (let b = a + 1; b < first.length; b++) {
      const one = Math.sign((first[a] as number) - (first[b] as number));
      const other = Math.sign((second[a] as number) - (second[b] as number));
      if (one === 0 || other === 0) continue;
      compared++;
      if (one === other) agreed++;
    }
  }
  return { agreed, compared };
}
