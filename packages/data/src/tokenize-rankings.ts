/** Rankings as ids: one row for each response, prompt in front, end token behind. */

import { checkIds } from "./check-ids.js";
import type { ConversationFormat } from "./conversation.js";
import { createConversationJoiner } from "./join-conversation.js";
import { createTurnJoiner } from "./join-turns.js";
import { dataErrorAt, type Origin } from "./origin.js";
import type { Ranking } from "./records.js";
import type { TextTokenizer } from "./text-tokenizer.js";
import { createLengthLimit, type RecordTokenizer, type TooLong, type TooLongCounts } from "./too-long.js";

/** K responses to a prompt, as ids. */
export interface TokenizedRanking {
  /** `[K]` rows of `[T_k]` ids; the score belongs to the last one of a row. */
  readonly rows: readonly Int32Array[];
  /** `[K]`; smaller is better, equal ranks are ties. */
  readonly ranks: readonly number[];
  /** Pairs of row numbers, better one first; ties make no pair. At least one. */
  readonly pairs: readonly RankedPair[];
  readonly origin: Origin;
}

/** Row numbers of two responses of a ranking. */
export interface RankedPair {
  readonly better: number;
  readonly worse: number;
}

/** Rankings that fit, and how many did not. */
export interface TokenizedRankings extends TooLongCounts {
  readonly rankings: readonly TokenizedRanking[];
}

/** How long rows may be. */
export interface TokenizeRankingsOptions {
  readonly maximumLength: number;
  /** Default "error". "drop" leaves out the whole ranking; "truncate" cuts the end of the rows that are too long. */
  readonly tooLong?: TooLong;
  /** Whether the end token follows each response; default true. Pretokenized rankings stay as they are. */
  readonly appendEos?: boolean;
  /** How messages become text, instead of the tokenizer's chat template or, without one, {@link plainConversation}. */
  readonly conversation?: ConversationFormat;
  /** Ids from here on are an error. */
  readonly vocabularySize?: number;
}

/**
 * All pairs of responses that are not tied.
 * @see Ouyang et al. 2022, section 3.5 and appendix C.2: all comparisons of a prompt are one batch element, ties dropped
 */
export function rankedPairs(ranks: readonly number[]): readonly RankedPair[] {
  const pairs: RankedPair[] = [];
  for (let a = 0; a < ranks.length; a++) {
    for (let b = a + 1; b < ranks.length; b++) {
      if (ranks[a] === ranks[b]) continue;
      pairs.push(
        (ranks[a] as number) < (ranks[b] as number) ? { better: a, worse: b } : { better: b, worse: a },
      );
    }
  }
  return pairs;
}

/**
 * @throws {DataError} naming file and line for a ranking that is too long, has only ties, or starts with BOS twice
 * @throws {ConfigError} when the tokenizer has no end token to append
 */
export function tokenizeRankings(
  records: readonly Ranking[],
  tokenizer: TextTokenizer | undefined,
  options: TokenizeRankingsOptions,
): TokenizedRankings {
  const { tokenize, counts } = createRankingTokenizer(tokenizer, options);
  return { rankings: records.flatMap((record) => tokenize(record) ?? []), ...counts() };
}

/** {@link tokenizeRankings} for one record after the other. */
export function createRankingTokenizer(
  tokenizer: TextTokenizer | undefined,
  { maximumLength, tooLong, vocabularySize, appendEos = true, conversation }: TokenizeRankingsOptions,
): RecordTokenizer<Ranking, TokenizedRanking> {
  const joinTurns = createTurnJoiner(tokenizer, appendEos);
  const joinConversation = createConversationJoiner(tokenizer, { appendEos, conversation });
  const limit = createLengthLimit(maximumLength, tooLong);
  const rowsOf = (record: Ranking): readonly Int32Array[] => {
    if (record.kind === "pretokenized-ranking") return record.inputIds;
    const { origin, row } = record;
    const rows =
      record.kind === "ranking"
        ? record.responses.map((completion) => joinTurns([{ prompt: record.prompt, completion }], origin))
        : record.responses.map((reply) =>
            joinConversation({ messages: [...record.messages, ...reply], origin, row }),
          );
    return rows.map(({ ids }) => Int32Array.from(ids));
  };
  return {
    tokenize(record) {
      const { origin, ranks } = record;
      const pairs = rankedPairs(ranks);
      if (pairs.length === 0)
        throw dataErrorAt(origin, `all ranks are equal; a ranking needs two different ranks`);
      const rows = rowsOf(record);
      for (const row of rows) checkIds(row, origin, tokenizer, vocabularySize);
      if (limit.judge(rows, origin) === "drop") return undefined;
      return { rows: rows.map((row) => row.slice(0, maximumLength)), ranks, pairs, origin };
    },
    counts: limit.counts,
  };
}
