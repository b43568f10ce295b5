/** The command line of the measurements for docs/performance.md. */
import { parseArgs } from "node:util";
import { oneOf, positiveInteger } from "../command-line.js";
import { comparisonsOf, modelSizes, workKinds } from "../comparisons.js";
import { curveNames } from "./growth.js";

const sections = ["peaks", "works", "curves", "page"] as const;
/** Rows of the bench in which a graph is run. */
export const rows = comparisonsOf(workKinds, modelSizes).filter(({ isCommand }) => !isCommand);

export interface PerformanceArguments {
  readonly only: readonly (typeof sections)[number][];
  /** Rows of the bench; `missed` are those with a target of time that was missed. */
  readonly works: "missed" | readonly string[];
  readonly curves: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly largestBytes: number;
  readonly python: string | undefined;
  readonly help: boolean;
}

export const usage = `npm run performance -- [options]

Measures where the time is and how cost grows, keeps it in docs/results/performance.json, and fills docs/performance.md from it
and from docs/results/bench.json.

  --only LIST       of ${sections.join(", ")}; all unless given; page measures nothing
  --works LIST      of rows of the bench such as ppo/124m; unless given those with a target of time that was missed
  --curves LIST     of ${curveNames.join(", ")};
                    all unless given
  --rounds N        of each measurement, 5 unless given
  --seconds N       of a work no round begins later, the first excepted; 15 unless given
  --largest-mb N    of the files that are read and saved, 2048 unless given
  --python PATH     a Python with bench/peers/requirements.txt, for the peaks of PyTorch`;

/** @throws {TypeError | RangeError} with what is wrong */
export function parseArguments(list: readonly string[]): PerformanceArguments {
  const { values } = parseArgs({
    args: [...list],
    options: {
      only: { type: "string" },
      works: { type: "string", default: "missed" },
      curves: { type: "string" },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "15" },
      "largest-mb": { type: "string", default: "2048" },
      python: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { works } = values;
  const ids = rows.map(({ id }) => id);
  return {
    only: oneOf("--only", values.only, sections),
    works: works === "missed" ? works : oneOf("--works", works, ids),
    curves: oneOf("--curves", values.curves, curveNames),
    rounds: positiveInteger("--rounds", values.rounds),
    seconds: positiveInteger("--seconds", values.seconds),
    largestBytes: positiveInteger("--largest-mb", values["largest-mb"]) * 2 ** 20,
    python: values.python,
    help: values.help,
  };
}
