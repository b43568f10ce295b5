/**
 * Several examples in one row, so that little is padding. Each sees only itself and counts positions from its own start:
 * loss and gradients are those of the examples in rows of their own.
 */
import { ignoredLabel } from "@alignkit/data";
import type { Example } from "./batches.js";

/**
 * Puts examples into few rows: the longest first, each into the fullest row that has room (best fit decreasing).
 * @param length - of a row; at least that of the longest example
 */
export function packRows(examples: readonly Example[], length: number): Example[] {
  const rows: { readonly members: Example[]; free: number }[] = [];
  for (const example of examples.toSorted((a, b) => b.inputIds.length - a.inputIds.length)) {
    const size = example.inputIds.length;
    const fitting = rows.filter(({ free }) => free >= size).sort((a, b) => a.free - b.free)[0];
    const row = fitting ?? { members: [], free: length };
    if (fitting === undefined) rows.push(row);
    row.members.push(example);
    row.free -= size;
  }
  return rows.map(({ members }) => joinExamples(members));
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
