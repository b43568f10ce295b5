/** Answers before and after training, from a stage's `samples.jsonl`. */
import type { JsonObject } from "./read-run.js";
import { format, type Table, words } from "./results.js";

/** Rows of one table at most. */
const mostRows = 12;

/**
 * Rows `{step, prompt, response, ..}`: those of the first and of the last step; the same prompt stands in one line.
 * Rows without a step are shown as they are.
 */
export function sampleTables(rows: readonly JsonObject[]): readonly Table[] {
  const steps = [...new Set(rows.map((row) => row.step))].filter((step) => typeof step === "number");
  const [first, last] = [steps[0], steps[steps.length - 1]];
  if (first === undefined || last === undefined) return [tableOf("Samples", rows)];
  const at = (step: number) => rows.filter((row) => row.step === step);
  if (first === last) return [tableOf(`Step ${first}`, at(first))];
  const [before, after] = [at(first), at(last)];
  const byPrompt = new Map(after.map((row) => [row.prompt, row]));
  const pairs = before.flatMap((row) => {
    const later = byPrompt.get(row.prompt);
    return later === undefined ? [] : [{ before: row, after: later }];
  });
  if (pairs.length === 0) return [tableOf(`Step ${first}`, before), tableOf(`Step ${last}`, after)];
  const columns = contentColumns(before).filter((column) => column !== "prompt");
  return [
    {
      title: `Step ${first} and step ${last}`,
      columns: [
        "Prompt",
        ...[first, last].flatMap((step) => columns.map((column) => `${words(column)}, step ${step}`)),
      ],
      rows: pairs
        .slice(0, mostRows)
        .map((pair) => [
          format(pair.before.prompt),
          ...[pair.before, pair.after].flatMap((row) => columns.map((column) => format(row[column]))),
        ]),
      isText: true,
    },
  ];
}

function tableOf(title: string, rows: readonly JsonObject[]): Table {
  const columns = contentColumns(rows);
  return {
    title,
    columns: columns.map(words),
    rows: rows.slice(0, mostRows).map((row) => columns.map((column) => format(row[column]))),
    isText: true,
  };
}

const contentColumns = (rows: readonly JsonObject[]) =>
  [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => column !== "step");
