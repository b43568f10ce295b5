/** The formats of data files: which columns each needs, and how a row of it becomes a record. */
import {
  type Row,
  readFilledString,
  readLabels,
  readMessages,
  readNumbers,
  readString,
  readStrings,
  readTokenIdRows,
  readTokenIds,
} from "./fields.js";
import { dataErrorAt } from "./origin.js";
import type {
  CompletionRecord,
  ConversationRecord,
  PretokenizedRankingRecord,
  PretokenizedRecord,
  PromptRecord,
  RankedResponsesRecord,
  TextRecord,
} from "./records.js";

export interface Format<Record> {
  /** As it is shown in messages. */
  readonly name: string;
  /** A row has this format when it has these columns; others may stand beside them. */
  readonly columns: readonly string[];
  parse(row: Row): Record;
}

export const textFormat: Format<TextRecord> = {
  name: "{text}",
  columns: ["text"],
  parse: (row) => ({ kind: "text", text: readFilledString(row, "text"), ...base(row) }),
};

export const completionFormat: Format<CompletionRecord> = {
  name: "{prompt, completion}",
  columns: ["prompt", "completion"],
  parse: (row) => ({
    kind: "completion",
    prompt: readString(row, "prompt"),
    completion: readFilledString(row, "completion"),
    ...base(row),
  }),
};

/** A conversation to learn from: it ends with the assistant's message. */
export const demonstrationMessagesFormat: Format<ConversationRecord> = {
  name: "{messages}",
  columns: ["messages"],
  parse: (row) => {
    const messages = readMessages(row, "messages");
    const last = messages[messages.length - 1];
    if (last?.role !== "assistant") {
      throw dataErrorAt(
        row.origin,
        `"messages" ends with the ${last?.role}; a demonstration ends with the assistant`,
      );
    }
    return { kind: "conversation", messages, ...base(row) };
  },
};

/** A conversation to be answered: it does not end with the assistant's message. */
export const promptMessagesFormat: Format<ConversationRecord> = {
  name: "{messages}",
  columns: ["messages"],
  parse: (row) => {
    const messages = readMessages(row, "messages");
    if (messages[messages.length - 1]?.role === "assistant") {
      throw dataErrorAt(row.origin, `"messages" ends with the assistant; a prompt ends with the user`);
    }
    return { kind: "conversation", messages, ...base(row) };
  },
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
    return { kind: "pretokenized", inputIds, labels, ...base(row) };
  },
};

export const promptFormat: Format<PromptRecord> = {
  name: "{prompt}",
  columns: ["prompt"],
  parse: (row) => ({ kind: "prompt", prompt: readString(row, "prompt"), ...base(row) }),
};

export const preferenceFormat: Format<RankedResponsesRecord> = {
  name: "{prompt, chosen, rejected}",
  columns: ["prompt", "chosen", "rejected"],
  parse: (row) => ({
    kind: "ranking",
    prompt: readString(row, "prompt"),
    responses: [readString(row, "chosen"), readString(row, "rejected")],
    ranks: [1, 2],
    ...base(row),
  }),
};

/** Two whole dialogues; the prompt is what they share. */
export const implicitPreferenceFormat: Format<RankedResponsesRecord> = {
  name: "{chosen, rejected}",
  columns: ["chosen", "rejected"],
  parse: (row) => {
    const chosen = readFilledString(row, "chosen");
    const rejected = readFilledString(row, "rejected");
    const prompt = sharedPrompt(chosen, rejected);
    const responses = [chosen.slice(prompt.length), rejected.slice(prompt.length)];
    return { kind: "ranking", prompt, responses, ranks: [1, 2], ...base(row) };
  },
};

export const rankingFormat: Format<RankedResponsesRecord> = {
  name: "{prompt, responses, ranks}",
  columns: ["prompt", "responses", "ranks"],
  parse: (row) => {
    const responses = readStrings(row, "responses");
    const ranks = readRanks(row, "responses", responses.length);
    return { kind: "ranking", prompt: readString(row, "prompt"), responses, ranks, ...base(row) };
  },
};

export const pretokenizedRankingFormat: Format<PretokenizedRankingRecord> = {
  name: "{input_ids: [[..], ..], ranks}",
  columns: ["input_ids", "ranks"],
  parse: (row) => {
    const inputIds = readTokenIdRows(row, "input_ids");
    return {
      kind: "pretokenized-ranking",
      inputIds,
      ranks: readRanks(row, "input_ids", inputIds.length),
      ...base(row),
    };
  },
};

/** InstructGPT ranks K = 4 to 9 outputs of a prompt (section 3.5); 2 is a preference. */
const fewestRanked = 2;
const mostRanked = 9;

function readRanks(row: Row, of: string, count: number): readonly number[] {
  const ranks = readNumbers(row, "ranks");
  if (count < fewestRanked || count > mostRanked) {
    throw dataErrorAt(
      row.origin,
      `"${of}" has ${count} entries; a ranking has ${fewestRanked} to ${mostRanked}`,
    );
  }
  if (ranks.length !== count) {
    throw dataErrorAt(
      row.origin,
      `"ranks" has ${ranks.length} entries and "${of}" ${count}; give one rank for each`,
    );
  }
  return ranks;
}

/** The longest common start that ends before white space, so that no word is cut in two. */
function sharedPrompt(a: string, b: string): string {
  let end = 0;
  while (end < Math.min(a.length, b.length) && a[end] === b[end]) end++;
  const startsWord = (text: string) => end === text.length || /\s/.test(text[end] as string);
  while (end > 0 && !(startsWord(a) && startsWord(b))) end--;
  return a.slice(0, end);
}

function base(row: Row): { readonly origin: Row["origin"]; readonly row: Row["value"] } {
  return { origin: row.origin, row: row.value };
}
