/**
 * Where two JSON values differ, a line each: `stages.0.config.learningRate: 0.001 -> 0.002`.
 * Both are compared as JSON would keep them.
 */
export function listDifferences(before: unknown, after: unknown): string[] {
  const left = flatten(before);
  const right = flatten(after);
  const lines: string[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const [old, current] = [left.get(path) ?? "absent", right.get(path) ?? "absent"];
    if (old !== current) lines.push(`${path}: ${old} -> ${current}`);
  }
  return lines;
}

/** Leaves by path, as JSON text; an empty object or list is a leaf. */
function flatten(value: unknown): Map<string, string> {
  const leaves = new Map<string, string>();
  const visit = (node: unknown, path: string) => {
    const entries = typeof node === "object" && node !== null ? Object.entries(node) : [];
    if (entries.length === 0) leaves.set(path === "" ? "(root)" : path, JSON.stringify(node));
    for (const [key, member] of entries) visit(member, path === "" ? key : `${path}.${key}`);
  };
  visit(JSON.parse(JSON.stringify(value)), "");
  return leaves;
}
