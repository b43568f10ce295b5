/**
 * Several examples in one row, so that little is padding. Each sees only itself and counts positions from its own start:
 * loss and gradients are those of the examples in rows of their own.
 */
import { bucketLength, ignoredLabel } from "@alignkit/data";
import type { Example } from "./batches.js";

/** Examples that share a row. */
interface Shared {
  readonly members: Example[];
  free: number;
}

/**
 * Puts examples into rows of the length, a multiple of `step`, at which attention has the fewest scores: a little longer than
 * the longest example can mean fewer rows.
 */
export function packRows(
  examples: readonly Example[],
  step: number,
): { readonly rows: readonly Example[]; readonly length: number } {
  const sorted = examples.toSorted((a, b) => b.inputIds.length - a.inputIds.length);
  const tokens = sorted.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  let length = bucketLength(sorted[0]?.inputIds.length ?? 1, step);
  let best = bestFit(sorted, length);
  // Full rows have `tokens * length` scores, no rows have fewer.
  for (let longer = length + step; tokens * longer < best.length * length ** 2; longer += step) {
    const rows = bestFit(sorted, longer);
    if (rows.length * longer ** 2 < best.length * length ** 2) [best, length] = [rows, longer];
  }
  return { rows: best.map(({ members }) => joinExamples(members)), length };
}

/** The longest first, each into the fullest row that has room. */
function bestFit(sorted: readonly Example[], length: number): readonly Shared[] {
  const rows: Shared[] = [];
  for (const example of sorted) {
    const size = example.inputIds.length;
    const fitting = rows.filter(({ free }) => free >= size).sort((a, b) => a.free - b.free)[0];
    const row = fitting ?? { members: [], free: length };
    if (fitting === undefined) rows.push(row);
    row.members.push(example);
    row.free -= size;
  }
  return rows;
}

/** One row of examples, in their order. The first token of each is not learned: nothing of its own precedes it. */
export function joinExamples(examples: readonly Example[]): Example {
  const total = examples.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  const row = {
    inputIds: new Int32Array(total),
    labels: new Int32Array(total),
    documentIds: new Int32Array(total),
  };
  let start = 0;
  for (const [index, { inputIds, labels }] of examples.entries()) {
    const end = start + inputIds.length;
    row.inputIds.set(inputIds, start);
    row.labels.set(labels, start);
    row.labels[start] = ignoredLabel;
    row.documentIds.fill(index, start, end);
    start = end;
  }
  return row;
}
