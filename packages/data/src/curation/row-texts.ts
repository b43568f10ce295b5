/** What rows of every format have in common: a prompt, and responses to it. */
import { exampleOf, toStandard, withPrompt } from "../convert/example.js";
import { type Row, readObjects, readString } from "../fields.js";
import type { FileRow } from "../files/row.js";
import { parseRow } from "../formats/any.js";
import { dataErrorAt } from "../origin.js";
import type { Instance, InstructionWithInstances } from "./few-shot.js";

export interface RowTexts {
  readonly prompt: string;
  readonly responses: readonly string[];
  /** Where the row is an instruction of which demonstrations are yet to be made; `prompt` is then the instruction. */
  readonly instruction?: InstructionWithInstances;
}

/**
 * Prompt and responses of a row of any format that has a prompt, or `{instruction, instances: [{input, output}]}`. All but
 * the last message of a conversation is its prompt.
 * @throws {DataError} naming file and line
 */
export function readRowTexts(line: FileRow): RowTexts {
  const { value, ...origin } = line;
  if ("instruction" in value && "instances" in value) return ofInstruction({ value, origin });
  const example = exampleOf(parseRow(line));
  const { prompt, responses } = toStandard(
    withPrompt(example ?? { prompt: undefined, responses: [], verdict: { kind: "none" } }),
  );
  if (typeof prompt !== "string") {
    throw dataErrorAt(
      origin,
      `the row has no prompt, only [${Object.keys(value).join(", ")}]; give "prompt" or "messages"`,
    );
  }
  return { prompt, responses: responses as readonly string[] };
}

function ofInstruction(row: Row): RowTexts {
  const instruction = readString(row, "instruction");
  return { prompt: instruction, responses: [], instruction: { instruction, instances: readInstances(row) } };
}

function readInstances(row: Row): readonly Instance[] {
  const entries = readObjects(row, "instances", '{"input": .., "output": ..}');
  if (entries.length === 0)
    throw dataErrorAt(row.origin, `"instances" is empty; give at least one or drop the line`);
  return entries.map((entry, index) => {
    const at = { value: entry, origin: row.origin };
    const place = `"instances"[${index}]`;
    return { input: readString(at, "input", place), output: readString(at, "output", place) };
  });
}
