/** Texts, prompts and demonstrations: as strings, as messages, as ids. */
import {
  type Row,
  readBoolean,
  readBooleans,
  readContent,
  readFilledString,
  readLabels,
  readMessages,
  readString,
  readStrings,
  readTokenIds,
} from "../fields.js";
import { dataErrorAt } from "../origin.js";
import type {
  CompletionRecord,
  Content,
  ConversationRecord,
  Message,
  PretokenizedRecord,
  PromptRecord,
  StepwiseRecord,
  TextRecord,
  UnpairedPreferenceRecord,
} from "../records.js";
import { baseOf, type Format } from "./format.js";

export const textFormat: Format<TextRecord> = {
  name: "{text}",
  columns: ["text"],
  parse: (row) => ({ kind: "text", text: readFilledString(row, "text"), ...baseOf(row) }),
};

/** Of strings or of messages. */
export const completionFormat: Format<CompletionRecord | ConversationRecord> = {
  name: "{prompt, completion}",
  columns: ["prompt", "completion"],
  parse: (row) => {
    if (typeof row.value.label === "boolean") {
      throw dataErrorAt(
        row.origin,
        `"label" is ${row.value.label}, as in unpaired preferences, and a demonstration is always good; convert with "alignkit data convert --to prompt-completion"`,
      );
    }
    const { prompt, completion } = readPromptAndCompletion(row);
    if (typeof prompt === "string" || typeof completion === "string")
      return {
        kind: "completion",
        prompt: prompt as string,
        completion: completion as string,
        ...baseOf(row),
      };
    const messages = [...prompt, ...completion];
    return { kind: "conversation", messages, learnedFrom: prompt.length, ...baseOf(row) };
  },
};

/** A conversation to learn from: it ends with the assistant's message. */
export const demonstrationMessagesFormat: Format<ConversationRecord> = {
  name: "{messages}",
  columns: ["messages"],
  parse: (row) => demonstrationOf(row, readMessages(row, "messages"), "messages"),
};

/** A conversation to be answered: it does not end with the assistant's message. */
export const promptMessagesFormat: Format<ConversationRecord> = {
  name: "{messages}",
  columns: ["messages"],
  parse: (row) => promptOf(row, readMessages(row, "messages"), "messages"),
};

/** A conversation that ends with anyone. */
export const messagesFormat: Format<ConversationRecord> = {
  name: "{messages}",
  columns: ["messages"],
  parse: (row) => conversationOf(row, readMessages(row, "messages")),
};

export const pretokenizedFormat: Format<PretokenizedRecord> = {
  name: "{input_ids, labels?}",
  columns: ["input_ids"],
  parse: (row) => {
    const inputIds = readTokenIds(row, "input_ids");
    const given = row.value.labels;
    const labels = given === undefined || given === null ? undefined : readLabels(row, "labels");
    if (labels !== undefined && labels.length !== inputIds.length) {
      throw dataErrorAt(
        row.origin,
        `"labels" has ${labels.length} entries and "input_ids" ${inputIds.length}; give one label for each id`,
      );
    }
    return { kind: "pretokenized", inputIds, labels, ...baseOf(row) };
  },
};

/** Of a string or of messages. */
export const promptFormat: Format<ConversationRecord | PromptRecord> = {
  name: "{prompt}",
  columns: ["prompt"],
  parse: (row) => {
    const prompt = readContent(row, "prompt");
    return typeof prompt === "string"
      ? { kind: "prompt", prompt, ...baseOf(row) }
      : promptOf(row, prompt, "prompt");
  },
};

/** A response of which is known whether it is good. */
export const unpairedPreferenceFormat: Format<UnpairedPreferenceRecord> = {
  name: "{prompt, completion, label}",
  columns: ["prompt", "completion", "label"],
  parse: (row) => ({
    kind: "unpaired-preference",
    ...readPromptAndCompletion(row),
    label: readBoolean(row, "label"),
    ...baseOf(row),
  }),
};

/** A solution step by step, and of each step whether it is right. */
export const stepwiseFormat: Format<StepwiseRecord> = {
  name: "{prompt, completions, labels}",
  columns: ["prompt", "completions", "labels"],
  parse: (row) => {
    const steps = readStrings(row, "completions");
    const labels = readBooleans(row, "labels");
    if (steps.length === 0 || labels.length !== steps.length) {
      throw dataErrorAt(
        row.origin,
        `"labels" has ${labels.length} entries and "completions" ${steps.length}; give one label for each step, and a step at least`,
      );
    }
    return { kind: "stepwise", prompt: readString(row, "prompt"), steps, labels, ...baseOf(row) };
  },
};

/** @throws {DataError} when one is a string and the other messages */
function readPromptAndCompletion(row: Row): { readonly prompt: Content; readonly completion: Content } {
  const prompt = readContent(row, "prompt");
  const completion = readContent(row, "completion");
  if (typeof prompt !== typeof completion) throw mixedContent(row, "prompt", "completion");
  if (completion === "")
    throw dataErrorAt(row.origin, `"completion" is empty; give a non-empty string or drop the line`);
  if (typeof completion !== "string") demonstrationOf(row, completion, "completion");
  return { prompt, completion };
}

export function mixedContent(row: Row, a: string, b: string) {
  return dataErrorAt(
    row.origin,
    `one of "${a}" and "${b}" is a string and the other a list of messages; give both as strings, or both as messages`,
  );
}

export function conversationOf(row: Row, messages: readonly Message[]): ConversationRecord {
  return { kind: "conversation", messages, ...baseOf(row) };
}

/** @param name - of the column, for the message */
export function demonstrationOf(row: Row, messages: readonly Message[], name: string): ConversationRecord {
  const last = messages[messages.length - 1];
  if (last?.role === "assistant") return conversationOf(row, messages);
  throw dataErrorAt(
    row.origin,
    `"${name}" ends with the ${last?.role}; a demonstration ends with the assistant`,
  );
}

/** @param name - of the column, for the message */
export function promptOf(row: Row, messages: readonly Message[], name: string): ConversationRecord {
  if (messages[messages.length - 1]?.role !== "assistant") return conversationOf(row, messages);
  throw dataErrorAt(row.origin, `"${name}" ends with the assistant; a prompt ends with the user`);
}
