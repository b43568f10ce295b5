/** What rows of every format have in common: a prompt, and responses to it. */
import { plainConversation } from "../conversation.js";
import { type Row, readMessages, readObjects, readString } from "../fields.js";
import {
  completionFormat,
  type Format,
  implicitPreferenceFormat,
  preferenceFormat,
  promptFormat,
  rankingFormat,
} from "../formats.js";
import { matchFormat } from "../match-format.js";
import { dataErrorAt } from "../origin.js";
import type { CompletionRecord, Message, PromptRecord, RankedResponsesRecord } from "../records.js";
import type { Instance, InstructionWithInstances } from "./few-shot.js";

export interface RowTexts {
  readonly prompt: string;
  readonly responses: readonly string[];
  /** Where the row is an instruction of which demonstrations are yet to be made; `prompt` is then the instruction. */
  readonly instruction?: InstructionWithInstances;
}

const withPrompt = <Record>(
  format: Format<Record>,
  textsOf: (record: Record) => RowTexts,
): Format<RowTexts> => ({
  name: format.name,
  columns: format.columns,
  parse: (row) => textsOf(format.parse(row)),
});

const ofRanking = ({ prompt, responses }: RankedResponsesRecord): RowTexts => ({ prompt, responses });

const formats: readonly Format<RowTexts>[] = [
  withPrompt(rankingFormat, ofRanking),
  withPrompt(preferenceFormat, ofRanking),
  withPrompt(implicitPreferenceFormat, ofRanking),
  withPrompt(completionFormat, ({ prompt, completion }: CompletionRecord) => ({
    prompt,
    responses: [completion],
  })),
  {
    name: "{messages}",
    columns: ["messages"],
    parse: (row) => ofConversation(readMessages(row, "messages")),
  },
  {
    name: "{instruction, instances: [{input, output}]}",
    columns: ["instruction", "instances"],
    parse: (row) => {
      const instruction = readString(row, "instruction");
      return {
        prompt: instruction,
        responses: [],
        instruction: { instruction, instances: readInstances(row) },
      };
    },
  },
  withPrompt(promptFormat, ({ prompt }: PromptRecord) => ({ prompt, responses: [] })),
];

/** Prompt and responses of a row. @throws {DataError} naming file and line */
export function readRowTexts(row: Row): RowTexts {
  return matchFormat(row, formats).parse(row);
}

/** All but the last reply of the assistant is the prompt. */
function ofConversation(messages: readonly Message[]): RowTexts {
  const turns = plainConversation(messages);
  const last = turns[turns.length - 1];
  const before = turns.slice(0, -1).map(({ prompt, completion }) => `${prompt}${completion}`);
  return {
    prompt: [...before, last?.prompt].join(""),
    responses: last?.completion === undefined ? [] : [last.completion],
  };
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
