/** The command line of the bench. */
import { parseArgs } from "node:util";
import { oneOf, positiveInteger } from "./command-line.js";
import {
  type Comparison,
  comparisonsOf,
  type ModelSize,
  measuredSizes,
  modelSizes,
  type WorkKind,
  workKinds,
} from "./comparisons.js";

export interface BenchArguments {
  readonly comparisons: readonly Comparison[];
  /** Backends of our side. */
  readonly backends: readonly string[];
  readonly rounds: number;
  /** Of all comparisons together; rounds that no longer fit are left out. */
  readonly minutes: number | undefined;
  readonly python: string | undefined;
  readonly threads: number | undefined;
  readonly allocator: "tuned" | "stock";
  readonly includeExtras: boolean;
  /** Where the measurements go as JSON; rows that are there already and are not measured anew stay. */
  readonly json: string | undefined;
  /** Rounds that the file has of the same row, commit and machine count too. */
  readonly add: boolean;
  readonly selftest: boolean;
  readonly help: boolean;
}

export const usage = `npm run bench -- [options]

Times alignkit side by side with PyTorch; without Python, alignkit alone. Never fails for a slow result.

  --work LIST       of ${workKinds.join(", ")};
                    all unless given
  --model LIST      of ${modelSizes.join(", ")}; all but tiny unless given
  --only LIST       of rows such as sft/124m, instead of the two above
  --backend NAME    of ours: onnx unless given, tfjs:wasm, onnx,threads=1 ...; several times to compare them
  --rounds N        timed runs of each contestant, 7 unless given
  --minutes N       in all: a comparison whose share is used up does no further round
  --python PATH     a Python with bench/peers/requirements.txt; else $ALIGNKIT_PYTHON, else bench/.venv
  --threads N       of both sides; else each side's own choice
  --allocator NAME  of the peers: tuned (default) or stock
  --all             peers that are not the strongest as well
  --json FILE       writes every measurement; other rows of the file stay
  --add             adds to the rounds that the file has of a row, where they are of this commit and machine
  --selftest        compares results instead of times, on equal weights`;

/** @throws {TypeError | RangeError} with what is wrong */
export function parseArguments(list: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...list],
    options: {
      work: { type: "string" },
      model: { type: "string" },
      only: { type: "string" },
      backend: { type: "string", multiple: true, default: ["onnx"] },
      rounds: { type: "string", default: "7" },
      minutes: { type: "string" },
      python: { type: "string" },
      threads: { type: "string" },
      allocator: { type: "string", default: "tuned" },
      all: { type: "boolean", default: false },
      json: { type: "string" },
      add: { type: "boolean", default: false },
      selftest: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.only !== undefined && (values.work !== undefined || values.model !== undefined)) {
    throw new RangeError("--only names rows: give it without --work and --model");
  }
  if (values.add && values.json === undefined) throw new RangeError("--add adds to a file: give --json FILE");
  const backends = [...new Set(values.backend)];
  return {
    comparisons:
      values.only === undefined
        ? comparisonsOf(
            oneOf<WorkKind>("--work", values.work, workKinds),
            oneOf<ModelSize>("--model", values.model, modelSizes, measuredSizes),
            backends,
          )
        : rowsNamed(values.only, backends),
    backends,
    rounds: positiveInteger("--rounds", values.rounds),
    minutes: values.minutes === undefined ? undefined : positiveInteger("--minutes", values.minutes),
    python: values.python,
    threads: values.threads === undefined ? undefined : positiveInteger("--threads", values.threads),
    allocator: oneOf("--allocator", values.allocator, ["tuned", "stock"] as const)[0] as "tuned" | "stock",
    includeExtras: values.all,
    json: values.json,
    add: values.add,
    selftest: values.selftest,
    help: values.help,
  };
}

/** In the order in which they are named. */
function rowsNamed(text: string, backends: readonly string[]): readonly Comparison[] {
  const all = comparisonsOf(workKinds, modelSizes, backends);
  const ids = all.map(({ id }) => id);
  return oneOf("--only", text, ids).map((id) => all[ids.indexOf(id)] as Comparison);
}
