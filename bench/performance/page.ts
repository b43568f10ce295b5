/** Fills the tables of docs/performance.md from what was measured. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { comparisonsOf, modelSizes, workKinds } from "../comparisons.js";
import { type BenchRecord, comparedRows, readRecord } from "../record.js";
import { formatPairings, pair, titleOf } from "../report.js";
import { median } from "../statistics.js";
import { noCost } from "./costs.js";
import { floorOf, type Peaks } from "./floor.js";
import { curveNames } from "./growth.js";
import { narrow, placesOf, table } from "./markdown.js";
import { type Part, partNames, parts } from "./parts.js";
import { fitPower } from "./power-fit.js";
import { memorySection, reachSection } from "./reach-sections.js";
import {
  benchRecordPath,
  bestPeaks,
  type PerformanceRecord,
  type ProfiledWork,
  readPerformance,
  recordPath,
} from "./record.js";

const pagePath = fileURLToPath(new URL("../../docs/performance.md", import.meta.url));

/** Writes the page anew; its words stay. */
export async function fillPage(): Promise<void> {
  if (!existsSync(pagePath)) return;
  await writeFile(pagePath, filled(await readFile(pagePath, "utf8")));
}

/** The text with its tables from the records. */
export function filled(text: string): string {
  const bench = readRecord(benchRecordPath);
  const record = readPerformance(recordPath);
  const sections: Readonly<Record<string, () => string>> = {
    bench: () => benchSection(bench),
    peaks: () => peaksSection(record),
    parts: () => partsSection(record),
    reach: () => reachSection(bench, record),
    memory: () => memorySection(bench),
    growth: () => growthSection(record),
  };
  return text.replace(
    /<!-- begin (\w+) -->\n[\s\S]*?<!-- end \1 -->/g,
    (_, name: string) => `<!-- begin ${name} -->\n${sections[name]?.() ?? ""}\n<!-- end ${name} -->`,
  );
}

function benchSection(record: BenchRecord): string {
  const rows = comparedRows(record);
  if (rows.length === 0) return "Not measured yet.";
  const pairs = rows.flatMap(({ comparison, row }) => pair(comparison, row.results));
  const places = placesOf(
    rows.map(({ row: { id, machine, commit, date, about } }) => ({
      row: id,
      machine,
      commit,
      date: date.slice(0, 10),
      versions: Object.assign({}, ...Object.values(about).map((side) => side.versions)),
      ...(about.torch === undefined ? {} : { allocator: about.torch.allocator }),
    })),
  );
  const times = rows.flatMap(({ comparison, row }) =>
    row.results.map(({ contestant, measurements, failure }, index) => {
      const title = index === 0 ? titleOf(comparison) : "";
      if (measurements.length === 0) return [title, contestant.name, failure ?? "did not run"];
      const milliseconds = measurements.map(({ ms }) => ms);
      return [
        title,
        contestant.name,
        median(milliseconds).toFixed(1),
        Math.min(...milliseconds).toFixed(1),
        comparison.isCommand ? "" : Math.max(...measurements.map(({ peak_mb }) => peak_mb)).toFixed(0),
        median(measurements.map(({ load }) => load)).toFixed(1),
        String(measurements.length),
      ];
    }),
  );
  return [
    places,
    narrow(formatPairings(pairs)),
    table(["work", "by", "median ms", "min ms", "peak MB", "load", "rounds"], times),
  ].join("\n\n");
}

function peaksSection({ peaks }: PerformanceRecord): string {
  if (peaks === undefined) return "Not measured yet.";
  const { products, fewRows, copies } = peaks.measured;
  const names = [...new Set(products.flatMap(({ rates }) => Object.keys(rates)))];
  const best = bestPeaks(peaks.measured);
  return [
    placesOf([peaks.stamp]),
    table(
      ["product, GFLOP/s", ...names],
      products.map(({ product: [m, k, n], rates }) => [
        `[${m}, ${k}] x [${k}, ${n}]`,
        ...names.map((name) => rates[name]?.toFixed(0) ?? ""),
      ]),
    ),
    `16 rows through 24 matrices of 9 MB each, which come from memory: ${ratesText(fewRows)} of weights.`,
    `Copies: ${ratesText(copies)}, read and written.`,
    `Peaks that floors are counted with: ${(best.flops / 1e9).toFixed(0)} GFLOP/s, ${(best.bytes / 1e9).toFixed(1)} GB/s, for products of few rows ${(best.weights / 1e9).toFixed(1)} GB/s.`,
  ].join("\n\n");
}

const ratesText = (rates: Readonly<Record<string, number>>): string =>
  Object.entries(rates)
    .map(([name, rate]) => `${name} ${rate.toFixed(1)} GB/s`)
    .join(", ");

function partsSection({ peaks, works }: PerformanceRecord): string {
  // Floors are those of one machine.
  const ofMachine = works.filter(({ stamp }) => stamp.machine === peaks?.stamp.machine);
  if (peaks === undefined || ofMachine.length === 0) return "Not measured yet.";
  const best = bestPeaks(peaks.measured);
  const rows = comparisonsOf(workKinds, modelSizes).map(({ id }) => id);
  const ordered = ofMachine.toSorted((a, b) => rows.indexOf(a.id) - rows.indexOf(b.id));
  return [
    placesOf(ordered.map(({ id, stamp }) => ({ ...stamp, row: id }))),
    ...ordered.map((work) => workSection(work, best)),
  ].join("\n\n");
}

function workSection({ id, ours, profile }: ProfiledWork, best: Peaks): string {
  const { costs, milliseconds, phases, profiled } = profile;
  const floorOfPart = (part: Part) => floorOf(part, costs[part] ?? noCost, best);
  const rows = partNames.flatMap((part) => {
    const { flops, bytes } = costs[part] ?? noCost;
    const own = profiled.byPart[part] ?? 0;
    if (flops + bytes + own === 0) return [];
    const floor = floorOfPart(part);
    return [[parts[part], ...figures(flops, bytes, floor, own)]];
  });
  const sum = (of: (part: Part) => number) => partNames.reduce((total, part) => total + of(part), 0);
  const flops = sum((part) => costs[part]?.flops ?? 0);
  const total = figures(
    flops,
    sum((part) => costs[part]?.bytes ?? 0),
    sum(floorOfPart),
    profiled.milliseconds,
  );
  const share = (100 * (flops / best.flops) * 1000) / milliseconds;
  const longest = profiled.longest
    .slice(0, 6)
    .map(({ what, milliseconds: own }) => `\`${what}\` ${own.toFixed(1)}`);
  const told = Object.entries(phases).map(([name, own]) => `${name} ${own.toFixed(0)} ms`);
  const phasesText = told.length === 0 ? "" : ` Of it: ${told.join(", ")}.`;
  return [
    `### ${id}: ${ours}`,
    table(["part", "GFLOP", "GB", "floor, ms", "ours, ms", "ours / floor"], [...rows, ["all", ...total]]),
    `Without a profile a run takes ${milliseconds.toFixed(0)} ms, of which the products alone would take ${share.toFixed(0)} % at the peak.${phasesText} Longest nodes, ms: ${longest.join(", ")}.`,
  ].join("\n\n");
}

const figures = (flops: number, bytes: number, floor: number, own: number): readonly string[] => [
  (flops / 1e9).toFixed(2),
  (bytes / 1e9).toFixed(3),
  floor.toFixed(1),
  own.toFixed(1),
  floor === 0 ? "" : (own / floor).toFixed(2),
];

/** Above the exponent of its theory by more than this, a curve is a finding. */
const tolerance = 0.1;

function growthSection({ curves }: PerformanceRecord): string {
  if (curves.length === 0) return "Not measured yet.";
  const ordered = curves.toSorted(
    (a, b) => curveNames.indexOf(a.curve.name) - curveNames.indexOf(b.curve.name),
  );
  const summary = ordered.map(({ curve: { what, axis, points } }) => {
    const first = points[0]?.x ?? 0;
    const last = points.at(-1)?.x ?? 0;
    const lawOf = (of: (point: (typeof points)[number]) => number | null) => {
      const found = points.flatMap((point) => {
        const y = of(point);
        return y === null || y <= 0 ? [] : [[point.x, y] as const];
      });
      return found.length < 2 ? null : fitPower(found);
    };
    const time = lawOf(({ milliseconds }) => milliseconds);
    const floor = lawOf(({ floorMilliseconds }) => floorMilliseconds);
    const memory = lawOf(({ megabytes }) => megabytes);
    const theory = floor?.exponent ?? 1;
    const isWorse = time !== null && time.exponent > theory + tolerance;
    return [
      what,
      `${axis}, ${first.toFixed(0)} .. ${last.toFixed(0)}`,
      time?.exponent.toFixed(2) ?? "",
      theory.toFixed(2),
      time === null ? "" : `${time.worst.toFixed(2)}x`,
      memory?.exponent.toFixed(2) ?? "",
      isWorse ? "worse" : "",
    ];
  });
  const points = ordered.map(({ curve: { what, axis, points: list } }) =>
    [
      `${what}, by ${axis}:`,
      table(
        ["", ...list.map(({ x }) => x.toFixed(0))],
        [
          ["ms", ...list.map(({ milliseconds }) => milliseconds.toFixed(milliseconds < 100 ? 1 : 0))],
          ["floor, ms", ...list.map(({ floorMilliseconds }) => floorMilliseconds?.toFixed(1) ?? "")],
          ["MB", ...list.map(({ megabytes }) => megabytes.toFixed(0))],
        ],
      ),
    ].join("\n\n"),
  );
  return [
    placesOf(ordered.map(({ stamp, curve }) => ({ ...stamp, row: curve.what }))),
    table(["what", "against", "time ~", "theory ~", "worst point", "memory ~", "than theory"], summary),
    ...points,
  ].join("\n\n");
}
