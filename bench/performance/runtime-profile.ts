/** What ONNX Runtime tells of its own time: milliseconds by part, from the profile of a session. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Kind, type Part, partOf } from "./parts.js";

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds since the profile began. */
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

export interface SessionProfile {
  /** Nodes by the part that they belong to; making the session is a part, too. */
  readonly byPart: Partial<Readonly<Record<Part, number>>>;
  /** By operator and shapes, the longest first. */
  readonly byNode: readonly NodeTime[];
}

/** Nodes of one operator and the same shapes. */
export interface NodeTime {
  readonly what: string;
  readonly part: Part;
  /** Of all calls. */
  readonly milliseconds: number;
  readonly calls: number;
  /** Of one call. */
  readonly shortest: number;
}

const products: ReadonlySet<string> = new Set(["MatMul", "Gemm", "FusedMatMul", "FusedGemm"]);
const rows: ReadonlySet<string> = new Set(["ScatterND", "ScatterElements"]);
const attentions: ReadonlySet<string> = new Set([
  "Attention",
  "MultiHeadAttention",
  "GroupQueryAttention",
  "DecoderMaskedMultiHeadAttention",
]);

/** What making a session is told by. */
const making: ReadonlySet<string> = new Set(["model_loading_array", "session_initialization"]);

export interface ProfileOptions {
  /** What happened before counts as warm-up, in milliseconds since 1970. */
  readonly since: number;
  /** V. */
  readonly vocabulary: number;
  /** Rows of a table of positions. */
  readonly positions: number;
}

/** @param path - as ONNX Runtime names it: its end is the local time at which the profile began */
export function readProfile(path: string, { since, vocabulary, positions }: ProfileOptions): SessionProfile {
  const events = JSON.parse(readFileSync(path, "utf8")) as readonly ProfileEvent[];
  const from = 1000 * (since - beginningOf(path));
  const byPart: Partial<Record<Part, number>> = {};
  const nodes = new Map<string, NodeTime>();
  for (const { cat, name, ts, dur, args } of events) {
    if (ts < from) continue;
    const milliseconds = dur / 1000;
    if (making.has(name)) byPart.sessions = (byPart.sessions ?? 0) + milliseconds;
    if (cat !== "Node" || !name.endsWith("_kernel_time") || args === undefined) continue;
    const operator = args.op_name ?? "";
    const [inputs, outputs] = [shapesOf(args.input_type_shape), shapesOf(args.output_type_shape)];
    const kind = kindOf(operator, inputs[0] ?? [], [vocabulary, positions]);
    const part = partOf(kind, [...inputs, ...outputs], vocabulary);
    byPart[part] = (byPart[part] ?? 0) + milliseconds;
    const what = `${operator} ${inputs.map((shape) => shape.join("x")).join(" ")}`;
    const node = nodes.get(what);
    nodes.set(what, {
      what,
      part,
      milliseconds: (node?.milliseconds ?? 0) + milliseconds,
      calls: (node?.calls ?? 0) + 1,
      shortest: Math.min(node?.shortest ?? Number.POSITIVE_INFINITY, milliseconds),
    });
  }
  return { byPart, byNode: [...nodes.values()].sort((a, b) => b.milliseconds - a.milliseconds) };
}

/** `profile_2026-11-21_22-41-30_953.json`, in milliseconds since 1970. */
function beginningOf(path: string): number {
  const found = /_(\d+)-(\d+)-(\d+)_(\d+)-(\d+)-(\d+)_(\d+)[.]json$/.exec(basename(path));
  if (found === null) throw new RangeError(`${path} does not tell when the profile began`);
  const [year, month, day, hours, minutes, seconds, milliseconds] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return new Date(year, month - 1, day, hours, minutes, seconds, milliseconds).getTime();
}

/** Of several sessions. */
export function sumProfiles(profiles: readonly SessionProfile[]): SessionProfile {
  const byPart: Partial<Record<Part, number>> = {};
  const nodes = new Map<string, NodeTime>();
  for (const profile of profiles) {
    for (const [part, milliseconds] of Object.entries(profile.byPart) as [Part, number][]) {
      byPart[part] = (byPart[part] ?? 0) + milliseconds;
    }
    for (const node of profile.byNode) {
      const other = nodes.get(node.what);
      nodes.set(node.what, {
        ...node,
        milliseconds: node.milliseconds + (other?.milliseconds ?? 0),
        calls: node.calls + (other?.calls ?? 0),
        shortest: Math.min(node.shortest, other?.shortest ?? Number.POSITIVE_INFINITY),
      });
    }
  }
  return { byPart, byNode: [...nodes.values()].sort((a, b) => b.milliseconds - a.milliseconds) };
}

/**
 * @param first - the shape of the first operand
 * @param tables - lengths of embeddings
 */
function kindOf(operator: string, first: readonly number[], tables: readonly number[]): Kind {
  // Other rows are taken around attention.
  if (operator === "Gather") return tables.includes(first[0] ?? 0) ? "rows" : "attention";
  // The backend adds up columns by a row of ones; all else that is measured has more rows.
  const isColumnSum = operator === "MatMul" && first.length === 2 && first[0] === 1;
  if (products.has(operator)) return isColumnSum ? "other" : "product";
  if (rows.has(operator)) return "rows";
  return attentions.has(operator) ? "attention" : "other";
}

const shapesOf = (
  list: readonly Readonly<Record<string, readonly number[]>>[] = [],
): readonly (readonly number[])[] => list.flatMap((entry) => Object.values(entry));
