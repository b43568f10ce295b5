/** Several responses to a prompt, and which is better: as strings, as messages, as ids. */
import {
  type Row,
  readContent,
  readContents,
  readFilledContent,
  readNumbers,
  readTokenIdRows,
} from "../fields.js";
import { dataErrorAt } from "../origin.js";
import type {
  Content,
  ConversationRankingRecord,
  Message,
  PretokenizedRankingRecord,
  RankedResponsesRecord,
} from "../records.js";
import { baseOf, type Format } from "./format.js";
import { mixedContent } from "./standard.js";

type RankingOfTexts = ConversationRankingRecord | RankedResponsesRecord;

export const preferenceFormat: Format<RankingOfTexts> = {
  name: "{prompt, chosen, rejected}",
  columns: ["prompt", "chosen", "rejected"],
  parse: (row) => {
    const responses = [readContent(row, "chosen"), readContent(row, "rejected")];
    return rankingOf(row, readContent(row, "prompt"), responses, [1, 2], ["chosen", "rejected"]);
  },
};

/** Two whole dialogues; the prompt is what they share. */
export const implicitPreferenceFormat: Format<RankingOfTexts> = {
  name: "{chosen, rejected}",
  columns: ["chosen", "rejected"],
  parse: (row) => {
    const chosen = readFilledContent(row, "chosen");
    const rejected = readFilledContent(row, "rejected");
    if (typeof chosen !== typeof rejected) throw mixedContent(row, "chosen", "rejected");
    const prompt =
      typeof chosen === "string"
        ? sharedPrompt(chosen, rejected as string)
        : sharedMessages(row, chosen, rejected as readonly Message[]);
    const responses = [chosen.slice(prompt.length), rejected.slice(prompt.length)];
    return rankingOf(row, prompt, responses, [1, 2], ["chosen", "rejected"]);
  },
};

export const rankingFormat: Format<RankingOfTexts> = {
  name: "{prompt, responses, ranks}",
  columns: ["prompt", "responses", "ranks"],
  parse: (row) => {
    const responses = readContents(row, "responses");
    const ranks = readRanks(row, "responses", responses.length);
    const names = responses.map((_, index) => `responses"[${index}]`);
    return rankingOf(row, readContent(row, "prompt"), responses, ranks, names);
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
      ...baseOf(row),
    };
  },
};

/**
 * A ranking of strings where the prompt is one, else of messages; a string that answers messages is the assistant's.
 * @param names - of the responses, for messages
 */
export function rankingOf(
  row: Row,
  prompt: Content,
  responses: readonly Content[],
  ranks: readonly number[],
  names: readonly string[],
): RankingOfTexts {
  if (typeof prompt === "string") {
    const other = responses.findIndex((response) => typeof response !== "string");
    if (other !== -1) throw mixedContent(row, "prompt", names[other] as string);
    return { kind: "ranking", prompt, responses: responses as readonly string[], ranks, ...baseOf(row) };
  }
  const answers = responses.map((response, index): readonly Message[] => {
    if (typeof response === "string") return [{ role: "assistant", content: response }];
    const last = response[response.length - 1];
    if (last?.role === "assistant") return response;
    throw dataErrorAt(
      row.origin,
      `"${names[index]}" ends with the ${last?.role ?? "prompt"}; a response ends with the assistant`,
    );
  });
  return { kind: "conversation-ranking", messages: prompt, responses: answers, ranks, ...baseOf(row) };
}

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

/** The messages before the first that differs. */
function sharedMessages(row: Row, a: readonly Message[], b: readonly Message[]): readonly Message[] {
  const end = a.findIndex((message, index) => JSON.stringify(message) !== JSON.stringify(b[index]));
  if (end === -1 || end === b.length) {
    throw dataErrorAt(
      row.origin,
      `one of "chosen" and "rejected" is the start of the other, or both are the same; give two different replies`,
    );
  }
  return a.slice(0, end);
}
