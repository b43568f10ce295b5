/** Curves of a run's metrics. */
import type { MetricsLine } from "./read-run.js";

/** One drawing. */
export interface Chart {
  readonly title: string;
  /** Steps. */
  readonly x: readonly number[];
  readonly series: readonly { readonly name: string; readonly y: readonly (number | null)[] }[];
}

export interface StageCharts {
  readonly stage: string;
  /** Of the last line. */
  readonly step: number;
  /** What most people look at. */
  readonly main: readonly Chart[];
  readonly other: readonly Chart[];
}

/** What most people look at, in this order. */
const mainMetrics = [
  "loss",
  "accuracy",
  "margin",
  "mean_reward",
  "objective/score",
  "objective/kl",
  "objective/entropy",
  "response_length/mean",
  "ptx/loss",
  "ppo/val/var_explained",
  "grad_norm",
  "learning_rate",
];
const heldOut = "eval_";
/** More points than a screen is wide are not seen. */
const mostPoints = 1500;

export function stageCharts(lines: readonly MetricsLine[]): readonly StageCharts[] {
  const stages = [...new Set(lines.map((line) => line.stage))];
  return stages.map((stage) =>
    chartsOf(
      stage,
      lines.filter((line) => line.stage === stage),
    ),
  );
}

function chartsOf(stage: string, lines: readonly MetricsLine[]): StageCharts {
  const names = new Set(lines.flatMap((line) => Object.keys(line)));
  names.delete("stage");
  names.delete("step");
  const charts = [...names].flatMap((name) => {
    // Held-out values stand beside those of training.
    const own = name.startsWith(heldOut) ? name.slice(heldOut.length) : name;
    if (own !== name && names.has(own)) return [];
    return chartOf(
      own,
      [name, heldOut + name].filter((one) => names.has(one)),
      lines,
    );
  });
  const rank = ({ title }: Chart) => mainMetrics.indexOf(title);
  return {
    stage,
    step: lines[lines.length - 1]?.step ?? 0,
    main: charts.filter((chart) => rank(chart) >= 0).sort((a, b) => rank(a) - rank(b)),
    other: charts.filter((chart) => rank(chart) < 0),
  };
}

function chartOf(title: string, names: readonly string[], lines: readonly MetricsLine[]): Chart {
  const all = lines.filter((line) => names.some((name) => name in line));
  const every = Math.ceil(all.length / mostPoints);
  // Lines with held-out values are few, and all kept.
  const kept = all.filter((line, index) => index % every === 0 || (names[1] ?? "") in line);
  const numberOf = (line: MetricsLine, name: string) => {
    const value = line[name];
    return typeof value === "number" ? Number(value.toPrecision(6)) : null;
  };
  const series = names.map((name) => ({ name, y: kept.map((line) => numberOf(line, name)) }));
  return { title, x: kept.map((line) => line.step), series };
}
