/**
 * LLaMA-Factory's alpaca: `{instruction, input?, output, system?, history?}`, where the user's message is the instruction,
 * a line break and the input, and `history` holds pairs of earlier messages and replies.
 */
import { type Row, readBoolean, readFilledString, readString } from "../fields.js";
import { dataErrorAt } from "../origin.js";
import type {
  ConversationRankingRecord,
  ConversationRecord,
  Message,
  RankedResponsesRecord,
  UnpairedPreferenceRecord,
} from "../records.js";
import { baseOf, type Format } from "./format.js";
import { rankingOf } from "./rankings.js";
import { conversationOf } from "./standard.js";

export const alpacaFormat: Format<ConversationRecord> = {
  name: "{instruction, output}",
  columns: ["instruction", "output"],
  parse: (row) => conversationOf(row, [...promptOf(row), assistant(readFilledString(row, "output"))]),
};

export const alpacaPromptFormat: Format<ConversationRecord> = {
  name: "{instruction}",
  columns: ["instruction"],
  parse: (row) => conversationOf(row, promptOf(row)),
};

export const alpacaPreferenceFormat: Format<ConversationRankingRecord | RankedResponsesRecord> = {
  name: "{instruction, chosen, rejected}",
  columns: ["instruction", "chosen", "rejected"],
  parse: (row) => {
    const names = ["chosen", "rejected"];
    return rankingOf(
      row,
      promptOf(row),
      names.map((name) => readString(row, name)),
      [1, 2],
      names,
    );
  },
};

export const alpacaUnpairedFormat: Format<UnpairedPreferenceRecord> = {
  name: "{instruction, output, kto_tag}",
  columns: ["instruction", "output", "kto_tag"],
  parse: (row) => ({
    kind: "unpaired-preference",
    prompt: promptOf(row),
    completion: [assistant(readFilledString(row, "output"))],
    label: readBoolean(row, "kto_tag"),
    ...baseOf(row),
  }),
};

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });

function promptOf(row: Row): readonly Message[] {
  const instruction = readFilledString(row, "instruction");
  const input = readOptional(row, "input");
  const system = readOptional(row, "system");
  return [
    ...(system === "" ? [] : [{ role: "system", content: system } as const]),
    ...readHistory(row),
    user(input === "" ? instruction : `${instruction}\n${input}`),
  ];
}

function readHistory(row: Row): readonly Message[] {
  const history = row.value.history ?? [];
  const isPair = (entry: unknown) =>
    Array.isArray(entry) &&
    entry.length === 2 &&
    entry.every((text) => typeof text === "string" && text !== "");
  if (!Array.isArray(history) || !history.every(isPair)) {
    throw dataErrorAt(
      row.origin,
      `"history" is no list of pairs of texts; give [["question", "answer"], ..]`,
    );
  }
  return (history as readonly (readonly [string, string])[]).flatMap(([question, answer]) => [
    user(question),
    assistant(answer),
  ]);
}

const readOptional = (row: Row, name: string) =>
  (row.value[name] ?? "") === "" ? "" : readString(row, name);
