/** Shapes that rows can be written in: TRL's, LLaMA-Factory's, and rankings. */
import type { Content, Message } from "../records.js";
import { type Example, withPrompt } from "./example.js";
import { writeAlpaca, writeSharegpt } from "./llama-factory.js";
import {
  noPrompt,
  notRanked,
  ofPairs,
  ofPromptAndResponse,
  ofResponse,
  type ShapedRows,
} from "./shaped-rows.js";

/** A form of rows that data sets come in. */
export interface Shape {
  readonly description: string;
  write(example: Example): ShapedRows;
}

/** The shapes, as `data convert --to` takes them. */
export const shapeNames = [
  "language-modeling",
  "prompt-only",
  "prompt-completion",
  "preference",
  "implicit-preference",
  "unpaired-preference",
  "stepwise-supervision",
  "ranking",
  "alpaca",
  "sharegpt",
] as const;
/** One of {@link shapeNames}. */
export type ShapeName = (typeof shapeNames)[number];

/** In the order of the help. */
export const shapes: Readonly<Record<ShapeName, Shape>> = {
  "language-modeling": {
    description: "{text} or {messages}",
    write: (example) =>
      ofResponse(example, (prompt, response) => [
        typeof response === "string"
          ? { text: `${prompt ?? ""}${response}` }
          : { messages: [...((prompt as readonly Message[] | undefined) ?? []), ...response] },
      ]),
  },
  "prompt-only": {
    description: "{prompt}",
    write: (example) => {
      const { prompt } = withPrompt(example);
      return prompt === undefined ? noPrompt : { rows: [{ prompt }] };
    },
  },
  "prompt-completion": {
    description: "{prompt, completion}",
    write: (example) => ofPromptAndResponse(example, (prompt, completion) => [{ prompt, completion }]),
  },
  preference: {
    description: "{prompt, chosen, rejected}, one for each pair that is not tied",
    write: (example) => ofPairs(example, (prompt, chosen, rejected) => [{ prompt, chosen, rejected }]),
  },
  "implicit-preference": {
    description: "{chosen, rejected}, each with the prompt in front",
    write: (example) =>
      ofPairs(example, (prompt, chosen, rejected) => [
        { chosen: concatenated(prompt, chosen), rejected: concatenated(prompt, rejected) },
      ]),
  },
  "unpaired-preference": {
    description: "{prompt, completion, label}; two of a preference",
    write: writeUnpaired,
  },
  "stepwise-supervision": {
    description: "{prompt, completions, labels}",
    write: ({ prompt, responses, verdict }) =>
      verdict.kind === "steps"
        ? { rows: [{ prompt, completions: responses, labels: verdict.labels }] }
        : { misfit: "there are no labels of single steps" },
  },
  ranking: {
    description: "{prompt, responses, ranks}",
    write: ({ prompt, responses, verdict }) =>
      verdict.kind === "ranks" ? { rows: [{ prompt, responses, ranks: verdict.ranks }] } : notRanked,
  },
  alpaca: {
    description: "{instruction, input, output}, {instruction, input, chosen, rejected} or {.., kto_tag}",
    write: writeAlpaca,
  },
  sharegpt: {
    description: "{conversations}, {conversations, chosen, rejected} or {conversations, kto_tag}",
    write: writeSharegpt,
  },
};

function concatenated(prompt: Content, response: Content): Content {
  return typeof prompt === "string" || typeof response === "string"
    ? `${prompt}${response}`
    : [...prompt, ...response];
}

function writeUnpaired(example: Example): ShapedRows {
  const { prompt, responses, verdict } = example;
  if (verdict.kind === "label") return { rows: [{ prompt, completion: responses[0], label: verdict.label }] };
  if (verdict.kind === "steps") {
    const label = verdict.labels.every((right) => right);
    return { rows: [{ prompt, completion: responses.join(""), label }] };
  }
  if (verdict.kind === "none") return { misfit: "nothing says whether the response is good" };
  if (responses.length > 2)
    return { misfit: `of ${responses.length} ranked responses none is good or bad by itself` };
  return ofPairs(example, (prompt, chosen, rejected) => [
    { prompt, completion: chosen, label: true },
    { prompt, completion: rejected, label: false },
  ]);
}
