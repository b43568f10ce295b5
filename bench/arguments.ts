/** The command line of the bench. */
import { parseArgs } from "node:util";
import { type ModelSize, modelSizes, type WorkKind, workKinds } from "./comparisons.js";

export interface BenchArguments {
  readonly kinds: readonly WorkKind[];
  readonly sizes: readonly ModelSize[];
  /** Backends of our side. */
  readonly backends: readonly string[];
  readonly rounds: number;
  readonly python: string | undefined;
  readonly threads: number | undefined;
  readonly allocator: "tuned" | "stock";
  readonly includeExtras: boolean;
  /** Where the measurements go as JSON. */
  readonly json: string | undefined;
  readonly selftest: boolean;
  readonly help: boolean;
}

export const usage = `npm run bench -- [options]

Times alignkit side by side with PyTorch; without Python, alignkit alone. Never fails for a slow result.

  --work LIST       of ${workKinds.join(", ")}; all unless given
  --model LIST      of ${modelSizes.join(", ")}; all unless given
  --backend NAME    of ours: onnx unless given, tfjs:wasm, onnx,threads=1 ...; several times to compare them
  --rounds N        timed runs of each contestant, 7 unless given
  --python PATH     a Python with bench/peers/requirements.txt; else $ALIGNKIT_PYTHON, else bench/.venv
  --threads N       of both sides; else each side's own choice
  --allocator NAME  of the peers: tuned (default) or stock
  --all             peers that are not the strongest as well
  --json FILE       writes every measurement
  --selftest        compares results instead of times, on equal weights`;

/** @throws {TypeError | RangeError} with what is wrong */
export function parseArguments(list: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...list],
    options: {
      work: { type: "string" },
      model: { type: "string" },
      backend: { type: "string", multiple: true, default: ["onnx"] },
      rounds: { type: "string", default: "7" },
      python: { type: "string" },
      threads: { type: "string" },
      allocator: { type: "string", default: "tuned" },
      all: { type: "boolean", default: false },
      json: { type: "string" },
      selftest: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    kinds: oneOf("--work", values.work, workKinds),
    sizes: oneOf("--model", values.model, modelSizes),
    backends: [...new Set(values.backend)],
    rounds: positiveInteger("--rounds", values.rounds),
    python: values.python,
    threads: values.threads === undefined ? undefined : positiveInteger("--threads", values.threads),
    allocator: oneOf("--allocator", values.allocator, ["tuned", "stock"] as const)[0] as "tuned" | "stock",
    includeExtras: values.all,
    json: values.json,
    selftest: values.selftest,
    help: values.help,
  };
}

function oneOf<T extends string>(
  option: string,
  text: string | undefined,
  known: readonly T[],
): readonly T[] {
  if (text === undefined) return known;
  return text.split(",").map((name) => {
    const found = known.find((entry) => entry === name);
    if (found === undefined) throw new RangeError(`${option}: "${name}" is not one of ${known.join(", ")}`);
    return found;
  });
}

function positiveInteger(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${option}: "${text}" is not a whole number above 0`);
  return value;
}
