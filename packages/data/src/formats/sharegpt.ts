/**
 * LLaMA-Factory's sharegpt: `{conversations: [{from, value}], system?}` with `from` human, gpt or observation (what a tool
 * says), and `chosen` and `rejected` as one such message each.
 */
import { type Row, readBoolean, readObjects, readString } from "../fields.js";
import type { JsonObject } from "../files/row.js";
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
import { conversationOf, demonstrationOf, promptOf } from "./standard.js";

/** A conversation to learn from. */
export const sharegptFormat: Format<ConversationRecord> = {
  name: "{conversations}",
  columns: ["conversations"],
  parse: (row) => demonstrationOf(row, readConversation(row), "conversations"),
};

/** A conversation to be answered. */
export const sharegptPromptFormat: Format<ConversationRecord> = {
  name: "{conversations}",
  columns: ["conversations"],
  parse: (row) => promptOf(row, readConversation(row), "conversations"),
};

/** A conversation that ends with anyone. */
export const anySharegptFormat: Format<ConversationRecord> = {
  name: "{conversations}",
  columns: ["conversations"],
  parse: (row) => conversationOf(row, readConversation(row)),
};

export const sharegptPreferenceFormat: Format<ConversationRankingRecord | RankedResponsesRecord> = {
  name: "{conversations, chosen, rejected}",
  columns: ["conversations", "chosen", "rejected"],
  parse: (row) => {
    const names = ["chosen", "rejected"];
    return rankingOf(
      row,
      readConversation(row),
      names.map((name) => [readReply(row, name)]),
      [1, 2],
      names,
    );
  },
};

export const sharegptUnpairedFormat: Format<UnpairedPreferenceRecord> = {
  name: "{conversations, kto_tag}",
  columns: ["conversations", "kto_tag"],
  parse: (row) => {
    const { messages } = demonstrationOf(row, readConversation(row), "conversations");
    return {
      kind: "unpaired-preference",
      prompt: messages.slice(0, -1),
      completion: messages.slice(-1),
      label: readBoolean(row, "kto_tag"),
      ...baseOf(row),
    };
  },
};

/** Whom LLaMA-Factory's names mean. */
const roles: Readonly<Record<string, Message["role"]>> = {
  system: "system",
  human: "user",
  gpt: "assistant",
  observation: "tool",
};

function readConversation(row: Row): readonly Message[] {
  const entries = readObjects(row, "conversations", '{"from": .., "value": ..}');
  if (entries.length === 0)
    throw dataErrorAt(row.origin, `"conversations" is empty; give at least one message or drop the line`);
  const messages = entries.map((entry, index) => messageOf(row, entry, `"conversations"[${index}]`));
  const system = row.value.system ?? "";
  if (system !== "" && messages[0]?.role === "system") {
    throw dataErrorAt(row.origin, `"conversations"[0] is a second system message, beside "system"; keep one`);
  }
  return system === "" ? messages : [{ role: "system", content: readString(row, "system") }, ...messages];
}

function readReply(row: Row, name: string): Message {
  const entry = row.value[name];
  if (typeof entry === "object" && entry !== null && !Array.isArray(entry))
    return messageOf(row, entry as JsonObject, `"${name}"`);
  throw dataErrorAt(row.origin, `"${name}" is no message; give {"from": "gpt", "value": ..}`);
}

function messageOf({ origin }: Row, value: JsonObject, place: string): Message {
  const from = readString({ value, origin }, "from", place);
  const content = readString({ value, origin }, "value", place);
  const role = roles[from];
  if (role === undefined) {
    throw dataErrorAt(
      origin,
      `${place}.from is ${JSON.stringify(from)}; give "human", "gpt", "observation" or "system"`,
    );
  }
  if (content === "")
    throw dataErrorAt(origin, `${place}.value is empty; give a non-empty string or drop the line`);
  return { role, content };
}
