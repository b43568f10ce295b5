/** The tables of docs/results/kwise-vs-pairs.md. */
import { type Arm, arms, type Point, type Run } from "./compare.js";

const epochs = [0, 0.25, 0.5, 0.75, 1, 2, 3];
/** A column is there where every run was evaluated this near to it; half of the least distance of two columns. */
const nearEnough = 0.125;

const measures = [
  ["Held-out loss", "heldOutLoss", 3],
  ["Held-out accuracy, %", "heldOutAccuracy", 1],
] as const;
type Measure = (typeof measures)[number][1];

export function writeReport(runs: readonly Run[]): string {
  const sources = [...new Set(runs.map(({ source }) => source))];
  return sources.flatMap((source) => sourceReport(runs.filter((run) => run.source === source))).join("\n");
}

function sourceReport(runs: readonly Run[]): string[] {
  const rates = [...new Set(runs.map(({ learningRate }) => learningRate))].sort((a, b) => a - b);
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  const reached = epochs.filter((epoch) =>
    runs.every(
      ({ points }) => Math.abs((points[nearest(points, epoch)] as Point).epoch - epoch) < nearEnough,
    ),
  );
  const meanSince = (own: readonly Run[], epoch: number) =>
    trainLosses(own, reached[reached.indexOf(epoch) - 1] as number, epoch);
  const select = (arm: Arm, rate: number) =>
    runs.filter((run) => run.arm === arm && run.learningRate === rate);
  const section = (
    title: string,
    columns: readonly number[],
    cell: (own: readonly Run[], epoch: number) => string,
  ) => [
    "",
    `### ${title}`,
    "",
    ...table(
      ["rate", "arm", ...columns.map((epoch) => `epoch ${epoch}`)],
      rates.flatMap((rate) =>
        arms.map((arm) => [`${rate}`, arm, ...columns.map((epoch) => cell(select(arm, rate), epoch))]),
      ),
    ),
  ];
  return [
    `## ${runs[0]?.source}, ${seeds.length} seeds`,
    "",
    ...table(
      ["seed", "comparisons", "updates an epoch", ...arms.map((arm) => `responses an epoch, ${arm}`)],
      seeds.map((seed) => {
        const own = (arm: Arm) => runs.find((run) => run.seed === seed && run.arm === arm) as Run;
        const { comparisons, updatesPerEpoch } = own(arms[0]);
        return [seed, comparisons, updatesPerEpoch, ...arms.map((arm) => own(arm).rowsPerEpoch)].map(String);
      }),
    ),
    ...measures.flatMap(([title, measure, digits]) =>
      section(title, reached, (own, epoch) => spread(valuesAt(own, measure, epoch), digits)),
    ),
    ...section(
      "Training loss, mean since the column before, each update measured before it is made",
      reached.slice(1),
      (own, epoch) => spread(meanSince(own, epoch), 3),
    ),
    "",
    "### Each arm at its best rate",
    "",
    "The rate of the least mean held-out loss after that many epochs, the same choice for both arms.",
    "",
    ...table(
      [
        "epochs",
        ...arms.map((arm) => `${arm}: rate, loss, accuracy`),
        "loss of pairs less K-wise, seed by seed",
      ],
      reached
        .filter((epoch) => epoch >= 1)
        .map((epoch) => {
          const best = arms.map((arm) => bestRate(rates, (rate) => select(arm, rate), epoch));
          const [kwise, pairs] = best.map(({ own }) => valuesAt(own, "heldOutLoss", epoch)) as [
            number[],
            number[],
          ];
          return [
            `${epoch}`,
            ...best.map(
              ({ rate, own }) =>
                `${rate}, ${spread(valuesAt(own, "heldOutLoss", epoch), 3)}, ${spread(valuesAt(own, "heldOutAccuracy", epoch), 1)}`,
            ),
            pairs.map((loss, index) => (loss - (kwise[index] as number)).toFixed(3)).join(", "),
          ];
        }),
    ),
    "",
  ];
}

function bestRate(rates: readonly number[], select: (rate: number) => readonly Run[], epoch: number) {
  const found = rates.map((rate) => {
    const own = select(rate);
    return { rate, own, loss: mean(valuesAt(own, "heldOutLoss", epoch)) };
  });
  return found.reduce((best, other) => (other.loss < best.loss ? other : best));
}

/** A share is given in percent. */
function valuesAt(runs: readonly Run[], measure: Measure, epoch: number): number[] {
  const scale = measure === "heldOutAccuracy" ? 100 : 1;
  return runs.map(({ points }) => scale * (points[nearest(points, epoch)] as Point)[measure]);
}

/** Evaluations are equally far apart, so that the mean of their means is that of the updates. */
function trainLosses(runs: readonly Run[], from: number, to: number): number[] {
  return runs.map(({ points }) =>
    mean(points.slice(nearest(points, from) + 1, nearest(points, to) + 1).map(({ trainLoss }) => trainLoss)),
  );
}

function nearest(points: readonly Point[], epoch: number): number {
  const distance = (place: number) => Math.abs((points[place] as Point).epoch - epoch);
  return points.reduce((best, _, place) => (distance(place) < distance(best) ? place : best), 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean and sample standard deviation over seeds. */
function spread(values: readonly number[], digits: number): string {
  const center = mean(values);
  if (values.length < 2) return center.toFixed(digits);
  const variance = values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
  return `${center.toFixed(digits)} ± ${Math.sqrt(variance).toFixed(digits)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}
