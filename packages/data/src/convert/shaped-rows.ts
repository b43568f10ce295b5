/** What becomes of an example that is to have a shape. */
import type { JsonObject } from "../files/row.js";
import type { Content } from "../records.js";
import { rankedPairs } from "../tokenize-rankings.js";
import { type Example, withPrompt } from "./example.js";

/** Its rows; or why there is nothing in it for this shape; or why no example of its kind has this shape. */
export type ShapedRows =
  | { readonly rows: readonly JsonObject[] }
  | { readonly leftOut: string }
  | { readonly misfit: string };

export const noPrompt: ShapedRows = { misfit: "the text is not divided into prompt and response" };
export const notRanked: ShapedRows = { misfit: "its responses are not compared with each other" };

/** Rows of the good response: the only one, the best of a ranking (the first of equals), all steps where all are right. */
export function ofResponse(
  { prompt, responses, verdict }: Example,
  rowsOf: (prompt: Content | undefined, response: Content) => readonly JsonObject[],
): ShapedRows {
  if (verdict.kind === "label" && !verdict.label) return { leftOut: "the response is labelled as bad" };
  if (verdict.kind === "steps") {
    const isRight = verdict.labels.every((label) => label);
    return isRight
      ? { rows: rowsOf(prompt, responses.join("")) }
      : { leftOut: "a step is labelled as wrong" };
  }
  const best = verdict.kind === "ranks" ? verdict.ranks.indexOf(Math.min(...verdict.ranks)) : 0;
  const response = responses[best];
  return response === undefined ? { misfit: "it is a prompt alone" } : { rows: rowsOf(prompt, response) };
}

/** The same, where a prompt has to be there, too. */
export function ofPromptAndResponse(
  example: Example,
  rowsOf: (prompt: Content, response: Content) => readonly JsonObject[],
): ShapedRows {
  const divided = withPrompt(example);
  if (divided.prompt === undefined) return noPrompt;
  return ofResponse(divided, (prompt, response) => rowsOf(prompt as Content, response));
}

/** Rows of every pair that is not tied. */
export function ofPairs(
  { prompt, responses, verdict }: Example,
  rowsOf: (prompt: Content, chosen: Content, rejected: Content) => readonly JsonObject[],
): ShapedRows {
  if (verdict.kind !== "ranks" || prompt === undefined) return notRanked;
  const pairs = rankedPairs(verdict.ranks);
  if (pairs.length === 0) return { leftOut: "all responses are tied" };
  return {
    rows: pairs.flatMap(({ better, worse }) =>
      rowsOf(prompt, responses[better] as Content, responses[worse] as Content),
    ),
  };
}
