/** What a missed target leaves room for: the time that it allows, beside what the work takes at the least. */
import type { WorkRequest } from "../alignkit/item.js";
import type { Comparison } from "../comparisons.js";
import { type BenchRecord, comparedRows } from "../record.js";
import { type MissedCell, missedMemory, missedTimes, pair } from "../report.js";
import { type Cost, noCost } from "./costs.js";
import { floorOf, type Peaks } from "./floor.js";
import { type Part, partNames } from "./parts.js";
import type { WorkProfile } from "./profile-work.js";

export interface Reach {
  /** Milliseconds: the target times the shortest time of the peer. */
  readonly allowed: number;
  /** Of products with weights, the head among them. */
  readonly flops: number;
  /** Milliseconds that these take where each runs at the best rate of any product, or at its own where that is better. */
  readonly productsAtBest: number;
  /** Milliseconds that they take where each call is as short as the shortest of its shapes, or as in the shortest run. */
  readonly productsAtShapes: number;
  /** Milliseconds of all operators, if each call were as short as the shortest of its shapes, and of the optimizer. */
  readonly operatorsAtShapes: number;
  /** Milliseconds of all else at the peaks, or in the shortest run where caches made it shorter. */
  readonly rest: number;
  /** What makes up most of it: the parts with a tenth or more, the longest first. */
  readonly restParts: readonly {
    readonly part: Part;
    readonly bytes: number;
    readonly milliseconds: number;
  }[];
  /** Time of ours over the shortest of the peer, if all of it were so. */
  readonly leastAtBest: number;
  readonly leastAtShapes: number;
  readonly leastOfOperators: number;
  /** FLOPs a second that products need for the target when the rest is at its floor; null where no rate is enough. */
  readonly neededRate: number | null;
  /** The parts that are longest above their floors, by so many milliseconds, the longest first. */
  readonly gaps: readonly { readonly part: Part; readonly milliseconds: number }[];
}

const productParts: ReadonlySet<Part> = new Set<Part>(["products", "head", "fewRows"]);
/** What the library computes; the optimizer is ours. */
const operatorParts: readonly Part[] = [
  "products",
  "head",
  "fewRows",
  "attention",
  "elementwise",
  "embedding",
  "loss",
];
const otherParts = partNames.filter((part) => !productParts.has(part));

/**
 * @param target - time of ours over time of the peer, at most
 * @param shortest - times of ours and of the peer, in milliseconds
 * @param peaks - the best rate of any product of ONNX Runtime, and of copies
 */
export function reachOf(
  target: number,
  { own, peer }: { readonly own: number; readonly peer: number },
  { costs, profiled }: Pick<WorkProfile, "costs" | "profiled">,
  peaks: Peaks,
): Reach {
  const costOf = (part: Part): Cost => costs[part] ?? noCost;
  const sum = (list: Iterable<Part>, of: (part: Part) => number): number =>
    [...list].reduce((total, part) => total + of(part), 0);
  const floor = (part: Part) => floorOf(part, costOf(part), peaks);
  const atShapes = (part: Part) => profiled.shortestByPart[part] ?? profiled.byPart[part] ?? 0;
  const over = (part: Part) => (profiled.byPart[part] ?? 0) - floor(part);

  const allowed = target * peer;
  const flops = sum(productParts, (part) => costOf(part).flops);
  // In the shortest run: the share that the profile gives them.
  const share = sum(productParts, (part) => profiled.byPart[part] ?? 0) / profiled.milliseconds;
  const productsNow = share * own;
  const productsAtShapes = Math.min(sum(productParts, atShapes), productsNow);
  const operatorsAtShapes = Math.min(sum(operatorParts, atShapes) + floor("optimizer"), own);
  const productsAtBest = Math.min(
    sum(productParts, (part) => Math.min(floor(part), atShapes(part))),
    productsNow,
  );
  const restAtPeaks = sum(otherParts, floor);
  const rest = Math.min(restAtPeaks, own - productsNow);
  return {
    allowed,
    flops,
    productsAtBest,
    productsAtShapes,
    operatorsAtShapes,
    rest,
    restParts: otherParts
      .map((part) => ({ part, bytes: costOf(part).bytes, milliseconds: floor(part) }))
      .filter(({ milliseconds }) => milliseconds > restAtPeaks / 10)
      .sort((a, b) => b.milliseconds - a.milliseconds),
    leastAtBest: (productsAtBest + rest) / peer,
    leastAtShapes: (productsAtShapes + rest) / peer,
    leastOfOperators: operatorsAtShapes / peer,
    neededRate: allowed > rest ? (1000 * flops) / (allowed - rest) : null,
    gaps: partNames
      .map((part) => ({ part, milliseconds: over(part) }))
      .filter(({ milliseconds }) => milliseconds > 0)
      .sort((a, b) => b.milliseconds - a.milliseconds)
      .slice(0, 3),
  };
}

const missedOf =
  (of: typeof missedTimes) =>
  (record: BenchRecord): readonly MissedCell[] =>
    of(comparedRows(record).flatMap(({ comparison, row }) => pair(comparison, row.results)));

/** Cells whose target of time was missed. */
export const missedTimesOf = missedOf(missedTimes);
/** Cells whose peak memory is above that of the peer. */
export const missedMemoryOf = missedOf(missedMemory);

/** Rows of the bench with a model that have a target of time that was missed. */
export function missedRows(record: BenchRecord): readonly string[] {
  const rows = missedTimesOf(record).filter(({ result }) => !result.comparison.isCommand);
  return [...new Set(rows.map(({ result }) => result.comparison.id))];
}

/** What is asked of the worker of ours. */
export function requestOf({ contestants, model, sizes }: Comparison, ours: string): WorkRequest {
  const request = contestants.find(({ name }) => name === ours)?.request;
  return { ...request, model, ...sizes } as unknown as WorkRequest;
}
