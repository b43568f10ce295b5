import type { FileRow } from "../files/row.js";
import type { DataRecord } from "../records.js";
import { alpacaFormat, alpacaPreferenceFormat, alpacaPromptFormat, alpacaUnpairedFormat } from "./alpaca.js";
import type { Format } from "./format.js";
import { matchFormat } from "./match.js";
import {
  implicitPreferenceFormat,
  preferenceFormat,
  pretokenizedRankingFormat,
  rankingFormat,
} from "./rankings.js";
import { anySharegptFormat, sharegptPreferenceFormat, sharegptUnpairedFormat } from "./sharegpt.js";
import {
  completionFormat,
  messagesFormat,
  pretokenizedFormat,
  promptFormat,
  stepwiseFormat,
  textFormat,
  unpairedPreferenceFormat,
} from "./standard.js";

/** Every format; what has more columns stands before what has some of them. */
const formats: readonly Format<DataRecord>[] = [
  rankingFormat,
  stepwiseFormat,
  unpairedPreferenceFormat,
  alpacaUnpairedFormat,
  sharegptUnpairedFormat,
  preferenceFormat,
  sharegptPreferenceFormat,
  alpacaPreferenceFormat,
  implicitPreferenceFormat,
  pretokenizedRankingFormat,
  pretokenizedFormat,
  completionFormat,
  messagesFormat,
  anySharegptFormat,
  alpacaFormat,
  promptFormat,
  alpacaPromptFormat,
  textFormat,
];

/** A row of whatever format it has. @throws {DataError} naming file and line */
export function parseRow({ value, ...origin }: FileRow): DataRecord {
  const row = { value, origin };
  return matchFormat(row, formats).parse(row);
}
