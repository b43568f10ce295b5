/**
 * Makes data for training of raw rows, as the paper did with the prompts of its users:
 *
 * 1. of prompts that share a long prefix the first is kept,
 * 2. of each user so many at most,
 * 3. users are divided into train, eval and test,
 * 4. instructions with instances become several few-shot demonstrations,
 * 5. rows for training with personal information are left out,
 * 6. and those whose prompt or response is too long.
 *
 * The rows are read twice. Between the two readings a few numbers of each are kept, and a digest of each prompt.
 *
 * @see Ouyang et al. 2022, section 3.2 and appendices A.3 and C
 */
import { ConfigError, DataError, type Random } from "@alignkit/core";
import type { FileRow, JsonObject } from "../files/row.js";
import { dataErrorAt, type Origin, placeOf } from "../origin.js";
import { createDuplicateFinder } from "./duplicates.js";
import { type FewShotOptions, fewShotDemonstrations } from "./few-shot.js";
import type { FindPersonalInformation } from "./personal-information.js";
import { type RowTexts, readRowTexts } from "./row-texts.js";
import { type SplitName, type SplitShares, splitOf } from "./split.js";
import { capPerUser, noUser } from "./user-cap.js";

/** What is kept of collected rows, and where it goes. */
export interface PrepareOptions {
  /** Characters that prompts share at most; undefined keeps duplicates. */
  readonly prefixLength: number | undefined;
  /** Where the user stands, as a string or a number. A row without it is a user of its own, and not capped. */
  readonly userColumn: string;
  /** Rows of a user; undefined takes all. */
  readonly maximumPerUser: number | undefined;
  /** Of users, each at most 1, together too. */
  readonly shares: SplitShares;
  readonly fewShot: Omit<FewShotOptions, "random">;
  /** Asked about the rows of train; undefined keeps all. */
  readonly findPersonalInformation: FindPersonalInformation | undefined;
  /** Undefined takes every length. */
  readonly lengths: LengthLimits | undefined;
  readonly random: Random;
}

/** The longest prompt and response that are kept. */
export interface LengthLimits {
  readonly countTokens: (text: string) => number;
  readonly maximumPrompt: number;
  readonly maximumResponse: number;
}

/** Why a row may be left out. */
export const dropReasons = [
  "duplicate",
  "user_limit",
  "personal_information",
  "prompt_too_long",
  "response_too_long",
] as const;
/** One of {@link dropReasons}. */
export type DropReason = (typeof dropReasons)[number];

/** A row with the split that it belongs to. */
export interface KeptRow {
  readonly split: SplitName;
  readonly row: JsonObject;
  readonly isWithoutUser: boolean;
}

/** A row that is left out, and why. */
export interface DroppedRow {
  readonly reason: DropReason;
  /** What it repeats, how long it is, what was found. */
  readonly detail: string;
  readonly file: string;
  readonly line: number;
  readonly row: JsonObject;
}

/**
 * @param read - reads all rows, in the same order each time
 * @throws {DataError} naming file and line for a row of no known format, or a user that is no string and no number
 * @throws {ConfigError} for shares that make no split
 */
export async function* prepareRows(
  read: () => AsyncIterable<FileRow>,
  options: PrepareOptions,
): AsyncGenerator<DroppedRow | KeptRow> {
  const { evaluation, test } = options.shares;
  if (!(evaluation >= 0 && test >= 0 && evaluation + test <= 1)) {
    throw new ConfigError(
      `shares: eval ${evaluation} and test ${test} are not parts of 1; give numbers from 0 to 1`,
    );
  }
  const { duplicates, stays } = await surveyRows(read(), options);
  const fewShotRandom = options.random.split("few-shot");
  const splitRandom = options.random.split("split");
  let number = -1;
  for await (const line of read()) {
    number++;
    if (number >= stays.length) throw changed(line.file);
    const { value: row } = line;
    const drop = (reason: DropReason, detail: string, dropped = row): DroppedRow => ({
      reason,
      detail,
      file: line.file,
      line: line.line,
      row: dropped,
    });
    const earlier = duplicates.get(number);
    if (earlier !== undefined) {
      yield drop("duplicate", `of ${earlier}`);
      continue;
    }
    if (stays[number] === 0) {
      yield drop(
        "user_limit",
        `more than ${options.maximumPerUser} of user ${userOf(line, options.userColumn)}`,
      );
      continue;
    }
    const texts = readRowTexts(line);
    const user = userOf(line, options.userColumn);
    // A row without a user is divided by its prompt, so that it, too, stays where it is when others come.
    const split = splitOf(
      user === undefined ? `prompt ${texts.prompt}` : `user ${user}`,
      options.shares,
      splitRandom,
    );
    const rowRandom = () => fewShotRandom.split(String(number));
    for (const one of expand(row, texts, options.fewShot, rowRandom)) {
      const problem = await findProblem(one.texts, split, options);
      if (problem === undefined) yield { split, row: one.row, isWithoutUser: user === undefined };
      else yield drop(problem.reason, problem.detail, one.row);
    }
  }
  if (number + 1 !== stays.length) throw changed("the data");
}

const changed = (file: string) =>
  new DataError(`${file}: changed while it was read; run again when nobody writes to it`, {
    details: { file },
  });

/** The first reading: which rows repeat others, and which a user has too many of. */
async function surveyRows(
  rows: AsyncIterable<FileRow>,
  { prefixLength, userColumn, maximumPerUser, random }: PrepareOptions,
): Promise<{ readonly duplicates: ReadonlyMap<number, string>; readonly stays: ArrayLike<number> }> {
  const finder = prefixLength === undefined ? undefined : createDuplicateFinder(prefixLength);
  const duplicates = new Map<number, string>();
  const places = createPlaces();
  const numbersOfUsers = new Map<string, number>();
  const users: number[] = [];
  for await (const line of rows) {
    const number = users.length;
    places.add(line);
    const user = userOf(line, userColumn);
    const { prompt } = readRowTexts(line);
    const earlier = finder?.add(prompt, number);
    if (earlier !== undefined) duplicates.set(number, places.of(earlier));
    if (earlier !== undefined || user === undefined) {
      users.push(noUser);
      continue;
    }
    if (!numbersOfUsers.has(user)) numbersOfUsers.set(user, numbersOfUsers.size);
    users.push(numbersOfUsers.get(user) as number);
  }
  const stays =
    maximumPerUser === undefined
      ? users.map(() => 1)
      : capPerUser(users, maximumPerUser, random.split("cap"));
  return { duplicates, stays };
}

/** Remembers where rows stand: a number for each, and a name for each file. */
function createPlaces() {
  const lines: number[] = [];
  const files: { readonly first: Origin; readonly start: number }[] = [];
  return {
    add(origin: Origin): void {
      if (files[files.length - 1]?.first.file !== origin.file)
        files.push({ first: origin, start: lines.length });
      lines.push(origin.line);
    },
    of(row: number): string {
      const { first } = files.findLast(({ start }) => start <= row) as (typeof files)[number];
      return placeOf({ ...first, line: lines[row] as number });
    },
  };
}

function userOf({ value, ...origin }: FileRow, column: string): string | undefined {
  const user = value[column] ?? undefined;
  if (user === undefined || typeof user === "string") return user;
  if (typeof user === "number") return String(user);
  throw dataErrorAt(
    origin,
    `"${column}" is ${JSON.stringify(user)}; give a string or a number that names the user`,
  );
}

interface RowWithTexts {
  readonly row: JsonObject;
  readonly texts: RowTexts;
}

/** The row itself, or the demonstrations that are made of it; these keep its other columns. */
function expand(
  row: JsonObject,
  texts: RowTexts,
  options: PrepareOptions["fewShot"],
  rowRandom: () => Random,
): readonly RowWithTexts[] {
  if (texts.instruction === undefined) return [{ row, texts }];
  const { instruction: _, instances: __, ...others } = row;
  return fewShotDemonstrations(texts.instruction, { ...options, random: rowRandom() }).map(
    ({ prompt, completion }) => ({
      row: { ...others, prompt, completion },
      texts: { prompt, responses: [completion] },
    }),
  );
}

async function findProblem(
  { prompt, responses }: RowTexts,
  split: SplitName,
  { findPersonalInformation, lengths }: PrepareOptions,
): Promise<{ readonly reason: DropReason; readonly detail: string } | undefined> {
  if (findPersonalInformation !== undefined && split === "train") {
    for (const text of [prompt, ...responses]) {
      const found = await findPersonalInformation(text);
      if (found !== undefined) return { reason: "personal_information", detail: found };
    }
  }
  if (lengths === undefined) return undefined;
  const { countTokens, maximumPrompt, maximumResponse } = lengths;
  const tokens = countTokens(prompt);
  if (tokens > maximumPrompt) {
    return { reason: "prompt_too_long", detail: `${tokens} tokens, more than ${maximumPrompt}` };
  }
  for (const response of responses) {
    const tokens = countTokens(response);
    if (tokens > maximumResponse)
      return { reason: "response_too_long", detail: `${tokens} tokens, more than ${maximumResponse}` };
  }
  return undefined;
}
