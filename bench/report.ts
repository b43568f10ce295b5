/** The bench as text: what was measured where, a table per comparison, and which targets are met. */
import type { Comparison, Pairing } from "./comparisons.js";
import type { ContestantResult } from "./measure.js";
import { compareTimes, median, type Ratios } from "./statistics.js";
import type { About } from "./worker-process.js";

/** A pairing with its numbers. */
export interface PairingResult {
  readonly comparison: Comparison;
  readonly pairing: Pairing;
  /** The fastest of the peers by its smallest time; null when none ran, or ours did not. */
  readonly peer: string | null;
  readonly ratios: Ratios | null;
  /** Of processor time: what is left to compare where others hold the processors. */
  readonly processorRatio: number | null;
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

export function titleOf({ title, model, sizes }: Comparison): string {
  const list = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
  return `${title}: ${model}, ${list.join(", ")}`;
}

/** Time, rate and memory of each contestant. */
export function formatResults(results: readonly ContestantResult[]): string {
  const rows = results.map(({ contestant, measurements, failure }): Row => {
    const last = measurements.at(-1);
    if (last === undefined) return [contestant.name, failure ?? "did not run"];
    const times = measurements.map(({ ms }) => ms);
    return [
      contestant.name,
      median(times).toFixed(0),
      Math.min(...times).toFixed(0),
      ((1000 * last.tokens) / median(times)).toFixed(0),
      Math.max(...measurements.map(({ peak_mb }) => peak_mb)).toFixed(0),
      median(measurements.map(({ cpu_ms }) => cpu_ms)).toFixed(0),
      median(measurements.map(({ load }) => load)).toFixed(1),
    ];
  });
  return formatTable(["", "median ms", "min ms", "tokens/s", "peak MB", "CPU ms", "load"], rows);
}

export function pair(comparison: Comparison, results: readonly ContestantResult[]): readonly PairingResult[] {
  const figuresOf = (name: string, figure: "ms" | "cpu_ms"): readonly number[] =>
    results.find(({ contestant }) => contestant.name === name)?.measurements.map((run) => run[figure]) ?? [];
  const timesOf = (name: string): readonly number[] => figuresOf(name, "ms");
  return comparison.pairings
    .filter(({ peers }) => peers.some((name) => results.some(({ contestant }) => contestant.name === name)))
    .map((pairing) => {
      const ran = pairing.peers.filter((name) => timesOf(name).length > 0);
      ran.sort((a, b) => Math.min(...timesOf(a)) - Math.min(...timesOf(b)));
      const peer = ran[0] ?? null;
      const compare = (figure: "ms" | "cpu_ms"): Ratios | null =>
        peer === null ? null : compareTimes(figuresOf(pairing.ours, figure), figuresOf(peer, figure));
      const processorRatio = compare("cpu_ms")?.medianOfPairs ?? null;
      return { comparison, pairing, peer, ratios: compare("ms"), processorRatio };
    });
}

/** Time of ours over time of the peer, with targets. */
export function formatPairings(pairs: readonly PairingResult[]): string {
  const rows = pairs.map(
    ({ comparison, pairing: { ours, peers, target }, peer, ratios, processorRatio }): Row => {
      const what = `${comparison.model} ${ours} / ${peer ?? peers.join(" or ")}`;
      if (ratios === null) return [what, "-", "-", "-", formatTarget(target), "not measured"];
      const isMet = target === undefined ? "" : ratios.medianOfPairs <= target ? "met" : "missed";
      const figures = [ratios.medianOfPairs, ratios.minOverMin, processorRatio ?? Number.NaN];
      return [what, ...figures.map((figure) => figure.toFixed(2)), formatTarget(target), isMet];
    },
  );
  return formatTable(
    ["time of ours / of the peer", "median of pairs", "min / min", "CPU time", "target", ""],
    rows,
  );
}

const formatTarget = (target: number | undefined): string =>
  target === undefined ? "" : `<= ${target.toFixed(2)}`;
