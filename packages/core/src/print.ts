import { type Graph, type Operation, TensorMap, topologicalOrder } from "./tensor.js";
import { formatType } from "./types.js";

/** What is printed of each operation. */
export interface PrintOptions {
  /** Appends the line that traced each operation. */
  readonly sources?: boolean;
}

/** The graph as text, one operation a line: `%2 = matMul(%0, %1) {"transposeB":true} : float32[3,5]`. */
export function printGraph(graph: Graph, { sources = false }: PrintOptions = {}): string {
  const names = new TensorMap<string>();
  const lines: string[] = [];
  let count = 0;
  const inputs = graph.inputs
    .map((tensor) => tensor.operation)
    .filter((operation, index, all) => all.indexOf(operation) === index);
  const order = topologicalOrder(graph.outputs).filter((operation) => operation.op !== "input");
  for (const operation of [...inputs, ...order]) {
    const results = operation.types.map((type, index) => {
      const name = `%${count++}`;
      names.set({ operation, index, type, dtype: type.dtype, shape: type.shape }, name);
      return name;
    });
    const operands = operation.inputs.map((tensor) => names.get(tensor)).join(", ");
    const attributes = formatAttributes(operation);
    const where = sources ? `  # ${sourceLine(operation)}` : "";
    lines.push(
      `${results.join(", ")} = ${operation.op}(${operands})${attributes} : ${operation.types.map(formatType).join(", ")}${where}`,
    );
  }
  lines.push(`return ${graph.outputs.map((tensor) => names.get(tensor)).join(", ")}`);
  return lines.join("\n");
}

function formatAttributes(operation: Operation): string {
  if (operation.op === "constant") return " {...}";
  if (operation.op === "checkpoint") return " {body}";
  const { type: _, ...attributes } = operation.attributes as Readonly<Record<string, unknown>>;
  return Object.keys(attributes).length === 0 ? "" : ` ${JSON.stringify(attributes)}`;
}

/** The first line of the stack outside the op builders, as `file:line:column`. */
export function sourceLine(operation: Operation): string {
  const frames = operation.source?.stack?.split("\n").slice(1) ?? [];
  const frame = frames.find((line) => !/[\\/]ops[\\/]|[\\/]gradient\.|node:/.test(line)) ?? frames[0];
  return frame?.replace(/^\s*at (?:.*\()?(?:file:\/\/)?/, "").replace(/\)$/, "") ?? "unknown line";
}
