/** The bench as text: what was measured where, a table per comparison, and which targets are met. */
import { type Comparison, type Pairing, twinFactor, twinOf } from "./comparisons.js";
import type { ContestantResult } from "./measure.js";
import { compareTimes, median, type Ratios } from "./statistics.js";
import type { About, Measurement } from "./worker-process.js";

/** A pairing with its numbers. */
export interface PairingResult {
  readonly comparison: Comparison;
  readonly pairing: Pairing;
  /** The fastest of the peers by its smallest time; null when none ran, or ours did not. */
  readonly peer: string | null;
  readonly ratios: Ratios | null;
  /** Of processor time: what is left to compare where others hold the processors. */
  readonly processorRatio: number | null;
  /** Of the most that was resident in any round. */
  readonly memoryRatio: number | null;
  /** Shortest time and most memory of the peer. */
  readonly peerFigures: Figures | null;
  /** The same of ours. */
  readonly ownFigures: Figures | null;
  /** Median time of ours, where there is no peer to compare with. */
  readonly milliseconds: number | null;
}

export interface Figures {
  readonly shortestMilliseconds: number;
  readonly peakMegabytes: number;
}

type Row = readonly string[];

/** Aligned columns; the first is text, the others are numbers. */
export function formatTable(head: Row, rows: readonly Row[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: Row): string =>
    `| ${widths
      .map((width, column) => {
        const text = row[column] ?? "";
        return column === 0 ? text.padEnd(width) : text.padStart(width);
      })
      .join(" | ")} |`;
  const rule = `|${widths.map((width, column) => "-".repeat(width + 1) + (column === 0 ? "-" : ":")).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

export function formatAbout(
  side: string,
  { versions, threads, allocator, installed_mb: installed }: About,
): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${side}: ${list.join(", ")}; threads: ${threads}; allocator: ${allocator}; installed: ${installed.toFixed(0)} MB`;
}

export function titleOf({ id, title, model, sizes, isCommand }: Comparison): string {
  if (isCommand) return `${id}: ${title}`;
  const list = Object.entries(sizes)
    .filter(([name, size]) => name !== "warmup" && (typeof size === "number" || typeof size === "boolean"))
    .map(([name, size]) => `${name} ${size}`);
  return `${id}: ${title}: ${model}, ${list.join(", ")}`;
}

/** Time, rate and memory of each contestant. */
export function formatResults(results: readonly ContestantResult[]): string {
  const rows = results.map(({ contestant, measurements, failure }): Row => {
    const last = measurements.at(-1);
    if (last === undefined) return [contestant.name, failure ?? "did not run"];
    const times = measurements.map(({ ms }) => ms);
    return [
      contestant.name,
      formatMilliseconds(median(times)),
      formatMilliseconds(Math.min(...times)),
      last.tokens === 0 ? "" : ((1000 * last.tokens) / median(times)).toFixed(0),
      last.tokens === 0 ? "" : peakOf(measurements).toFixed(0),
      median(measurements.map(({ cpu_ms }) => cpu_ms)).toFixed(0),
      median(measurements.map(({ load }) => load)).toFixed(1),
      `${measurements.length}`,
    ];
  });
  return formatTable(["", "median ms", "min ms", "tokens/s", "peak MB", "CPU ms", "load", "rounds"], rows);
}

const formatMilliseconds = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

const peakOf = (measurements: readonly Measurement[]): number =>
  Math.max(...measurements.map(({ peak_mb }) => peak_mb));

const figuresOfRuns = (runs: readonly Measurement[]): Figures | null =>
  runs.length === 0
    ? null
    : { shortestMilliseconds: Math.min(...runs.map(({ ms }) => ms)), peakMegabytes: peakOf(runs) };

export function pair(comparison: Comparison, results: readonly ContestantResult[]): readonly PairingResult[] {
  const runsOf = (name: string): readonly Measurement[] =>
    results.find(({ contestant }) => contestant.name === name)?.measurements ?? [];
  const figuresOf = (name: string, figure: "ms" | "cpu_ms") => runsOf(name).map((run) => run[figure]);
  const timesOf = (name: string): readonly number[] => figuresOf(name, "ms");
  return comparison.pairings
    .filter(
      ({ peers, targetMilliseconds }) =>
        targetMilliseconds !== undefined ||
        peers.some((name) => results.some(({ contestant }) => contestant.name === name)),
    )
    .map((pairing) => {
      const ran = pairing.peers.filter((name) => timesOf(name).length > 0);
      ran.sort((a, b) => Math.min(...timesOf(a)) - Math.min(...timesOf(b)));
      const peer = ran[0] ?? null;
      const compare = (figure: "ms" | "cpu_ms"): Ratios | null =>
        peer === null ? null : compareTimes(figuresOf(pairing.ours, figure), figuresOf(peer, figure));
      const own = runsOf(pairing.ours);
      const hasBoth = peer !== null && own.length > 0 && !comparison.isCommand;
      return {
        comparison,
        pairing,
        peer,
        ratios: compare("ms"),
        processorRatio: comparison.isCommand ? null : (compare("cpu_ms")?.medianOfPairs ?? null),
        peerFigures: peer === null ? null : figuresOfRuns(runsOf(peer)),
        ownFigures: figuresOfRuns(own),
        memoryRatio: hasBoth ? peakOf(own) / peakOf(runsOf(peer)) : null,
        milliseconds: own.length === 0 ? null : median(own.map(({ ms }) => ms)),
      };
    });
}

/** Time of ours over time of the peer, with targets; the target of a Llama cell follows from its twin's, if that is there. */
export function formatPairings(pairs: readonly PairingResult[]): string {
  const rows = pairs.map((result): Row => {
    const { comparison, pairing, peer, ratios, processorRatio, memoryRatio, milliseconds } = result;
    const what = `${comparison.id} ${pairing.ours} / ${peer ?? (pairing.peers.join(" or ") || "-")}`;
    if (pairing.targetMilliseconds !== undefined) {
      const figure = milliseconds === null ? "-" : `${milliseconds.toFixed(1)} ms`;
      const limit = pairing.targetMilliseconds;
      return [what, figure, "", "", `< ${limit} ms`, verdict(milliseconds, limit)];
    }
    const target = targetOf(result, pairs);
    if (ratios === null) return [what, "-", "-", "-", formatTarget(target), "not measured"];
    return [
      what,
      ratios.medianOfPairs.toFixed(2),
      ratios.minOverMin.toFixed(2),
      processorRatio?.toFixed(2) ?? "",
      formatTarget(target),
      verdict(ratios.medianOfPairs, target),
      memoryRatio?.toFixed(2) ?? "",
      memoryRatio === null ? "" : formatTarget(pairing.memoryTarget),
      verdict(memoryRatio, pairing.memoryTarget),
    ];
  });
  return formatTable(
    [
      "time of ours / of the peer",
      "median of pairs",
      "min / min",
      "CPU time",
      "target",
      "",
      "peak memory",
      "target",
      "",
    ],
    rows,
  );
}

/** A cell of the table above whose target was missed. */
export interface MissedCell {
  readonly result: PairingResult;
  /** A ratio; milliseconds where there is no peer. */
  readonly target: number;
}

/** Cells whose time is above its target. */
export function missedTimes(pairs: readonly PairingResult[]): readonly MissedCell[] {
  return pairs.flatMap((result) => {
    const { targetMilliseconds } = result.pairing;
    const value = targetMilliseconds === undefined ? result.ratios?.medianOfPairs : result.milliseconds;
    const target = targetMilliseconds ?? targetOf(result, pairs);
    return verdict(value ?? null, target) === "missed" ? [{ result, target: target as number }] : [];
  });
}

/** Cells whose peak memory is above that of the peer. */
export const missedMemory = (pairs: readonly PairingResult[]): readonly MissedCell[] =>
  pairs.flatMap((result) => {
    const { memoryTarget } = result.pairing;
    const isMissed = verdict(result.memoryRatio, memoryTarget) === "missed";
    return isMissed ? [{ result, target: memoryTarget as number }] : [];
  });

function targetOf({ comparison, pairing }: PairingResult, all: readonly PairingResult[]): number | undefined {
  const twinSize = twinOf[comparison.size];
  if (twinSize === undefined) {
    const { target } = pairing;
    return typeof target === "object" ? target[comparison.size] : target;
  }
  const twin = all.find(
    (other) =>
      other.comparison.kind === comparison.kind &&
      other.comparison.size === twinSize &&
      other.pairing.ours === pairing.ours &&
      other.pairing.peers.join() === pairing.peers.join(),
  );
  return twin?.ratios == null ? undefined : twinFactor * twin.ratios.medianOfPairs;
}

const verdict = (value: number | null, limit: number | undefined): string =>
  value === null || limit === undefined ? "" : value <= limit ? "met" : "missed";

const formatTarget = (target: number | undefined): string =>
  target === undefined ? "" : `<= ${target.toFixed(2)}`;
