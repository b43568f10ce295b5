/** What ONNX Runtime tells of its own time: milliseconds by part, from the profile of a session. */
import { readFileSync } from "node:fs";
import { type Kind, type Part, partOf } from "./parts.js";

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

export interface SessionProfile {
  /** Runs that the figures are the sum of. */
  readonly runs: number;
  /** Of whole runs, with what is not told by node. */
  readonly milliseconds: number;
  readonly byPart: Partial<Readonly<Record<Part, number>>>;
  /** By operator and shapes, the longest first. */
  readonly byNode: readonly { readonly what: string; readonly part: Part; readonly milliseconds: number }[];
}

const products: ReadonlySet<string> = new Set(["MatMul", "Gemm", "FusedMatMul", "FusedGemm"]);
const rows: ReadonlySet<string> = new Set(["Gather", "ScatterND", "ScatterElements"]);
const attentions: ReadonlySet<string> = new Set([
  "Attention",
  "MultiHeadAttention",
  "GroupQueryAttention",
  "DecoderMaskedMultiHeadAttention",
]);

/**
 * @param calls - how often the work was done in all; each ran the session equally often
 * @param last - so many of them, at the end, count
 * @returns null when the session did not run
 */
export function readProfile(
  path: string,
  { calls, last, vocabulary }: { readonly calls: number; readonly last: number; readonly vocabulary: number },
): SessionProfile | null {
  const events = JSON.parse(readFileSync(path, "utf8")) as readonly ProfileEvent[];
  const all = events.filter(({ name }) => name === "model_run");
  const whole = all.slice(-Math.floor((all.length * last) / calls));
  const [first] = whole;
  if (first === undefined) return null;
  const byPart: Partial<Record<Part, number>> = {};
  const nodes = new Map<string, { part: Part; milliseconds: number }>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time") || ts < first.ts || args === undefined) continue;
    const operator = args.op_name ?? "";
    const [inputs, outputs] = [shapesOf(args.input_type_shape), shapesOf(args.output_type_shape)];
    const part = partOf(kindOf(operator), [...inputs, ...outputs], vocabulary);
    byPart[part] = (byPart[part] ?? 0) + dur / 1000;
    const what = `${operator} ${inputs.map((shape) => shape.join("x")).join(" ")}`;
    const node = nodes.get(what) ?? { part, milliseconds: 0 };
    node.milliseconds += dur / 1000;
    nodes.set(what, node);
  }
  return {
    runs: whole.length,
    milliseconds: whole.reduce((total, { dur }) => total + dur / 1000, 0),
    byPart,
    byNode: [...nodes]
      .map(([what, node]) => ({ what, ...node }))
      .sort((a, b) => b.milliseconds - a.milliseconds),
  };
}

function kindOf(operator: string): Kind {
  if (products.has(operator)) return "product";
  if (rows.has(operator)) return "rows";
  return attentions.has(operator) ? "attention" : "other";
}

const shapesOf = (
  list: readonly Readonly<Record<string, readonly number[]>>[] = [],
): readonly (readonly number[])[] => list.flatMap((entry) => Object.values(entry));
