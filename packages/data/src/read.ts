/** Reads data files into validated records. One file has one format; files may differ. */
import { DataError } from "@alignkit/core";
import { readRows } from "./files/read-rows.js";
import { alpacaFormat, alpacaPreferenceFormat, alpacaPromptFormat } from "./formats/alpaca.js";
import type { Format } from "./formats/format.js";
import { matchFormat, namesOf } from "./formats/match.js";
import {
  implicitPreferenceFormat,
  preferenceFormat,
  pretokenizedRankingFormat,
  rankingFormat,
} from "./formats/rankings.js";
import { sharegptFormat, sharegptPreferenceFormat, sharegptPromptFormat } from "./formats/sharegpt.js";
import {
  completionFormat,
  demonstrationMessagesFormat,
  pretokenizedFormat,
  promptFormat,
  promptMessagesFormat,
  textFormat,
} from "./formats/standard.js";
import { dataErrorAt, type Origin } from "./origin.js";
import type { Demonstration, Prompt, Ranking, Text } from "./records.js";

/**
 * Reads `{prompt, completion}`, `{messages}`, `{input_ids, labels?}`, `{conversations}`, `{instruction, output}` or
 * `{text}`; of a row that fits several, the first.
 * @throws {DataError} naming file and line
 */
export function readDemonstrations(files: readonly string[]): Promise<readonly Demonstration[]> {
  return collect(streamDemonstrations(files));
}

/** As {@link readDemonstrations}, one after the other: of a file larger than memory no more than a part is in it. */
export function streamDemonstrations(files: readonly string[]): AsyncGenerator<Demonstration> {
  return streamRecords<Demonstration>(files, [
    completionFormat,
    demonstrationMessagesFormat,
    pretokenizedFormat,
    sharegptFormat,
    alpacaFormat,
    textFormat,
  ]);
}

/**
 * Reads `{prompt}`, `{messages}`, `{input_ids}`, `{conversations}` or `{instruction}`.
 * @throws {DataError} naming file and line
 */
export function readPrompts(files: readonly string[]): Promise<readonly Prompt[]> {
  return collect(streamPrompts(files));
}

/** As {@link readPrompts}, one after the other. */
export function streamPrompts(files: readonly string[]): AsyncGenerator<Prompt> {
  return streamRecords<Prompt>(files, [
    promptFormat,
    promptMessagesFormat,
    pretokenizedFormat,
    sharegptPromptFormat,
    alpacaPromptFormat,
  ]);
}

/** Reads `{text}` or `{input_ids, labels?}`. @throws {DataError} naming file and line */
export function readTexts(files: readonly string[]): Promise<readonly Text[]> {
  return collect(streamTexts(files));
}

/** As {@link readTexts}, one after the other. */
export function streamTexts(files: readonly string[]): AsyncGenerator<Text> {
  return streamRecords<Text>(files, [textFormat, pretokenizedFormat]);
}

/** What becomes of rankings that say nothing. */
export interface ReadRankingsOptions {
  /**
   * Told of each ranking whose ranks are all equal: it says nothing about what is better, and is left out. Without this,
   * such a ranking is an error.
   */
  readonly onAllTied?: (origin: Origin) => void;
}

/**
 * Reads `{prompt, responses, ranks}`, `{prompt, chosen, rejected}`, `{conversations, chosen, rejected}`,
 * `{instruction, chosen, rejected}`, `{chosen, rejected}` or `{input_ids: [[..], ..], ranks}`; preferences become rankings
 * of two.
 * @throws {DataError} naming file and line
 */
export function readRankings(
  files: readonly string[],
  options: ReadRankingsOptions = {},
): Promise<readonly Ranking[]> {
  return collect(streamRankings(files, options));
}

/** As {@link readRankings}, one after the other. */
export async function* streamRankings(
  files: readonly string[],
  { onAllTied }: ReadRankingsOptions = {},
): AsyncGenerator<Ranking> {
  const records = streamRecords<Ranking>(files, [
    rankingFormat,
    preferenceFormat,
    sharegptPreferenceFormat,
    alpacaPreferenceFormat,
    implicitPreferenceFormat,
    pretokenizedRankingFormat,
  ]);
  for await (const record of records) {
    const { ranks, origin } = record;
    if (ranks.some((rank) => rank !== ranks[0])) yield record;
    else if (onAllTied !== undefined) onAllTied(origin);
    else
      throw dataErrorAt(
        origin,
        `"ranks" are all ${ranks[0]}; a ranking needs two different ranks, else drop the line`,
      );
  }
}

async function collect<Record>(stream: AsyncIterable<Record>): Promise<readonly Record[]> {
  const records: Record[] = [];
  for await (const record of stream) records.push(record);
  return records;
}

async function* streamRecords<Record>(
  files: readonly string[],
  formats: readonly Format<Record>[],
): AsyncGenerator<Record> {
  for (const file of files) {
    let first: { readonly format: Format<Record>; readonly origin: Origin } | undefined;
    for await (const { value, ...origin } of readRows(file)) {
      const format = matchFormat({ value, origin }, formats);
      first ??= { format, origin };
      if (format !== first.format) {
        const unit = origin.unit ?? "line";
        throw dataErrorAt(
          origin,
          `this ${unit} is ${format.name}, but ${unit} ${first.origin.line} is ${first.format.name}; give each format its own file`,
        );
      }
      yield format.parse({ value, origin });
    }
    if (first === undefined) {
      throw new DataError(`${file}: no records; give rows of ${namesOf(formats)}`, { details: { file } });
    }
  }
}
