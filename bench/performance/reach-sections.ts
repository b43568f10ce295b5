/** The tables of docs/performance.md about targets that were missed. */
import type { BenchRecord } from "../record.js";
import { table } from "./markdown.js";
import { memoryNeeds } from "./memory-needs.js";
import { parts } from "./parts.js";
import { missedMemoryOf, missedTimesOf, type Reach, reachOf, requestOf } from "./reach.js";
import { type PerformanceRecord, runtimePeaks } from "./record.js";

/** In GFLOP, or GFLOP a second. */
const rate = (flops: number) => (flops / 1e9).toFixed(0);

/** What missed targets of time leave room for. */
export function reachSection(bench: BenchRecord, { peaks, works }: PerformanceRecord): string {
  if (peaks === undefined) return "Not measured yet.";
  const best = runtimePeaks(peaks.measured);
  const words: string[] = [];
  const rows = missedTimesOf(bench).map(({ result, target }) => {
    const { comparison, pairing, peer, peerFigures, ownFigures, ratios, milliseconds } = result;
    const name = `${comparison.id} ${pairing.ours} / ${peer ?? "-"}`;
    const say = (text: string) => words.push(`- \`${name}\`: ${text}`);
    if (comparison.isCommand) say("the start of a process, in which no graph is run.");
    if (ratios === null || peerFigures === null || ownFigures === null) {
      return [name, `< ${target} ms`, `${milliseconds?.toFixed(1)} ms`];
    }
    const head = [name, target.toFixed(2), ratios.minOverMin.toFixed(2)];
    if (comparison.isCommand) return head;
    const machine = bench.rows.find(({ id }) => id === comparison.id)?.machine;
    const work = works.find(({ id, ours }) => id === comparison.id && ours === pairing.ours);
    if (work === undefined || [work, peaks].some(({ stamp }) => stamp.machine !== machine)) {
      say(
        `not profiled yet on its machine: \`npm run performance -- --only peaks,works --works ${comparison.id}\`.`,
      );
      return head;
    }
    const shortest = { own: ownFigures.shortestMilliseconds, peer: peerFigures.shortestMilliseconds };
    const reach = reachOf(target, shortest, work.profile, best);
    const rest = reach.restParts.map(
      ({ part, bytes, milliseconds }) =>
        `${parts[part]} ${(bytes / 1e9).toFixed(1)} GB, ${milliseconds.toFixed(0)} ms`,
    );
    const products = `${rate(reach.flops)} GFLOP of products, at the rates of their shapes ${rate((1000 * reach.flops) / reach.productsAtShapes)} GFLOP/s`;
    say(
      `${products}; of the rest ${rest.join("; ")}. ${conclusion(target, reach)} ${distance(reach, shortest.own)}`,
    );
    return [
      ...head,
      reach.allowed.toFixed(0),
      reach.productsAtBest.toFixed(0),
      reach.productsAtShapes.toFixed(0),
      reach.rest.toFixed(0),
      reach.operatorsAtShapes.toFixed(0),
      reach.leastAtBest.toFixed(2),
      reach.leastAtShapes.toFixed(2),
      reach.leastOfOperators.toFixed(2),
    ];
  });
  if (rows.length === 0) return "No target of time is missed.";
  return [
    `The best rates of ONNX Runtime above: ${rate(best.flops)} GFLOP/s for any product, ${(best.weights / 1e9).toFixed(1)} GB/s of weights for products of few rows.`,
    table(
      [
        "missed",
        "target",
        "ours, min / min",
        "allowed, ms",
        "products at the best rate, ms",
        "at those of their shapes, ms",
        "the rest, ms",
        "all operators at their shortest, ms",
        "least ratio at the best rate",
        "at those of their shapes",
        "of all operators",
      ],
      rows,
    ),
    words.join("\n"),
  ].join("\n\n");
}

/** Whether the target can be met, and what that would take. */
function conclusion(
  target: number,
  {
    allowed,
    flops,
    productsAtBest,
    leastAtBest,
    leastAtShapes,
    leastOfOperators,
    operatorsAtShapes,
    neededRate,
  }: Reach,
): string {
  const goal = target.toFixed(2);
  if (neededRate === null) return `**Out of reach**: the rest alone takes longer than ${goal} allows.`;
  const needed = `products at ${rate(neededRate)} GFLOP/s and all else at its floor`;
  if (leastAtBest > target) {
    return `**Out of reach with this library**: ${goal} takes ${needed}, and at its best rates here they reach ${rate((1000 * flops) / productsAtBest)}. Faster products would change that.`;
  }
  if (leastAtShapes > target) {
    return `**Out of reach with its products of these shapes**: ${goal} takes ${needed}. Products of these shapes at the best rate would change that.`;
  }
  if (leastOfOperators > target) {
    return `**Out of reach with its operators**: were every call as short as the shortest of its shapes, and nothing else lost, they would take ${operatorsAtShapes.toFixed(0)} ms of the ${allowed.toFixed(0)} that ${goal} allows; by the floors it takes ${needed}. Faster operators, or such that compute more of a layer at once, would change that.`;
  }
  return `**Within reach**: ${goal} takes ${needed}.`;
}

/**
 * How far it is to the target, and where the time is.
 * @param shortest - milliseconds of the shortest run of ours
 */
function distance({ allowed, productsAtShapes, rest, gaps }: Reach, shortest: number): string {
  const list = gaps.map(({ part, milliseconds }) => `${parts[part]} ${milliseconds.toFixed(0)}`);
  const excess = shortest - allowed;
  const above = shortest - productsAtShapes - rest;
  const share =
    excess > 0 && above > excess ? `, ${((100 * excess) / above).toFixed(0)} % of all above these` : "";
  const far = `${Math.abs(excess).toFixed(0)} ms ${excess > 0 ? "above" : "below"} what is allowed`;
  return `The shortest run is ${far}${share}; longest above their floors in the profile, ms: ${list.join("; ")}.`;
}

/** What peaks of memory above those of the peers hold. */
export function memorySection(bench: BenchRecord): string {
  const missed = missedMemoryOf(bench);
  if (missed.length === 0) return "No peak is above that of its peer.";
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const words: string[] = [];
  const rows = missed.map(({ result }) => {
    const { comparison, pairing, peer, ownFigures, peerFigures, memoryRatio } = result;
    const name = `${comparison.id} ${pairing.ours} / ${peer}`;
    const needs = memoryNeeds(requestOf(comparison, pairing.ours));
    const held = Object.entries(needs?.held ?? {});
    if (needs !== null) {
      const list = held.map(([what, bytes]) => `${what} ${megabytes(bytes)}`);
      words.push(`- \`${name}\`, MB: ${list.join(", ")}. ${needs.why}`);
    }
    return [
      name,
      memoryRatio?.toFixed(2) ?? "",
      ownFigures?.peakMegabytes.toFixed(0) ?? "",
      peerFigures?.peakMegabytes.toFixed(0) ?? "",
      megabytes(held.reduce((total, [, bytes]) => total + bytes, 0)),
    ];
  });
  return [
    table(["above the peer", "ratio", "ours, MB", "the peer, MB", "to be held, MB"], rows),
    words.join("\n"),
  ].join("\n\n");
}
