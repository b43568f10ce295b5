/** Demonstrations and texts as ids with labels. */
import { ConfigError } from "@alignkit/core";
import { checkIds } from "./check-ids.js";
import type { ConversationFormat, Turn } from "./conversation.js";
import { createConversationJoiner } from "./join-conversation.js";
import { createTurnJoiner, type JoinedTurns } from "./join-turns.js";
import { dataErrorAt, type Origin } from "./origin.js";
import {
  type CompletionRecord,
  type Demonstration,
  ignoredLabel,
  type PretokenizedRecord,
  type Text,
  type TextRecord,
} from "./records.js";
import type { TextTokenizer } from "./text-tokenizer.js";
import { createLengthLimit, type RecordTokenizer, type TooLong, type TooLongCounts } from "./too-long.js";

/** A demonstration as ids and labels. */
export interface TokenizedExample {
  /** `[T]` */
  readonly inputIds: Int32Array;
  /** `[T]`, not shifted: `labels[t]` is what position `t - 1` is to predict; -100 where nothing is learned. */
  readonly labels: Int32Array;
  readonly origin: Origin;
}

/** Demonstrations that fit, and how many did not. */
export interface TokenizedExamples extends TooLongCounts {
  readonly examples: readonly TokenizedExample[];
}

/** How long rows may be, and what is learned of them. */
export interface TokenizeDemonstrationsOptions {
  /** Tokens that fit, special ones included. */
  readonly maximumLength: number;
  /** Default "error". "truncate" cuts the end, with it the end token. */
  readonly tooLong?: TooLong;
  /** Whether the end token follows each completion and is learned; default true. Pretokenized records stay as they are. */
  readonly appendEos?: boolean;
  /** Whether prompts are left unlearned; default true. Pretokenized records stay as they are. */
  readonly completionOnly?: boolean;
  /** How `{messages}` become text, instead of the tokenizer's chat template or, without one, {@link plainConversation}. */
  readonly conversation?: ConversationFormat;
  /** Ids from here on are an error. */
  readonly vocabularySize?: number;
}

/**
 * Ids and labels of demonstrations; what follows the prompt is learned, its end token too, and the prompt if asked for.
 * @param tokenizer - may be undefined where all records are pretokenized
 * @throws {DataError} naming file and line for a record that is too long, teaches nothing, or starts with BOS twice
 * @throws {ConfigError} when the tokenizer has no end token to append
 */
export function tokenizeDemonstrations(
  records: readonly Demonstration[],
  tokenizer: TextTokenizer | undefined,
  options: TokenizeDemonstrationsOptions,
): TokenizedExamples {
  const { tokenize, counts } = createDemonstrationTokenizer(tokenizer, options);
  const examples = records.flatMap((record) => tokenize(record) ?? []);
  return { examples, ...counts() };
}

/** {@link tokenizeDemonstrations} for one record after the other. */
export function createDemonstrationTokenizer(
  tokenizer: TextTokenizer | undefined,
  options: TokenizeDemonstrationsOptions,
): RecordTokenizer<Demonstration, TokenizedExample> {
  const { maximumLength, tooLong } = options;
  const tokenize = createTokenize(tokenizer, options);
  const limit = createLengthLimit(maximumLength, tooLong);
  return {
    tokenize(record) {
      const example = tokenize(record);
      const verdict = limit.judge([example.inputIds], example.origin);
      if (verdict === "drop") return undefined;
      const fits = verdict === "take";
      return requireLabels(fits ? example : part(example, 0, maximumLength), fits);
    },
    counts: limit.counts,
  };
}

/**
 * Ids and labels of texts; one that is too long is cut into several examples. Each continues with the last token of the
 * one before it, so that every token but the first is learned once.
 * @throws {DataError} naming file and line
 */
export function tokenizeTexts(
  records: readonly Text[],
  tokenizer: TextTokenizer | undefined,
  options: Omit<TokenizeDemonstrationsOptions, "conversation" | "tooLong">,
): readonly TokenizedExample[] {
  return records.flatMap(createTextCutter(tokenizer, options));
}

/** {@link tokenizeTexts} for one record after the other: the function that gives the examples of a record. */
export function createTextCutter(
  tokenizer: TextTokenizer | undefined,
  options: Omit<TokenizeDemonstrationsOptions, "conversation" | "tooLong">,
): (record: Text) => readonly TokenizedExample[] {
  const { maximumLength } = options;
  if (!(maximumLength >= 2))
    throw new ConfigError(`maximumLength is ${maximumLength}; texts need at least 2 tokens`);
  const tokenize = createTokenize(tokenizer, options);
  return (record) => {
    const whole = requireLabels(tokenize(record), true);
    const examples: TokenizedExample[] = [];
    for (let start = 0; start === 0 || start + 1 < whole.inputIds.length; start += maximumLength - 1) {
      const example = part(whole, start, start + maximumLength);
      if (isLearned(example)) examples.push(example);
    }
    return examples;
  };
}

function createTokenize(
  tokenizer: TextTokenizer | undefined,
  options: Pick<
    TokenizeDemonstrationsOptions,
    "appendEos" | "completionOnly" | "conversation" | "vocabularySize"
  >,
): (record: Demonstration) => TokenizedExample {
  const { appendEos = true, completionOnly = true, conversation } = options;
  const joinTurns = createTurnJoiner(tokenizer, appendEos);
  const joinConversation = createConversationJoiner(tokenizer, { appendEos, conversation });
  return (record) => {
    const example =
      record.kind === "pretokenized"
        ? pretokenized(record)
        : fromTurns(
            record.kind === "conversation"
              ? joinConversation(record)
              : joinTurns(turnsOf(record), record.origin),
            completionOnly,
            record.origin,
          );
    checkIds(example.inputIds, example.origin, tokenizer, options.vocabularySize);
    return example;
  };
}

function turnsOf(record: CompletionRecord | TextRecord): readonly Turn[] {
  return record.kind === "text"
    ? [{ prompt: "", completion: record.text }]
    : [{ prompt: record.prompt, completion: record.completion }];
}

function fromTurns({ ids, labels }: JoinedTurns, completionOnly: boolean, origin: Origin): TokenizedExample {
  return { inputIds: Int32Array.from(ids), labels: withoutFirst(completionOnly ? labels : ids), origin };
}

function pretokenized({ inputIds, labels, origin }: PretokenizedRecord): TokenizedExample {
  return { inputIds, labels: withoutFirst(labels ?? inputIds), origin };
}

/** Nothing stands before the first token, so nothing can predict it. */
function withoutFirst(labels: ArrayLike<number>): Int32Array {
  const copy = Int32Array.from(labels);
  copy.fill(ignoredLabel, 0, 1);
  return copy;
}

/** Tokens `start` to `end` as an example of their own. */
function part(example: TokenizedExample, start: number, end: number): TokenizedExample {
  return {
    inputIds: example.inputIds.slice(start, end),
    labels: withoutFirst(example.labels.slice(start, end)),
    origin: example.origin,
  };
}

const isLearned = ({ labels }: TokenizedExample) => labels.some((label) => label !== ignoredLabel);

function requireLabels(example: TokenizedExample, whole: boolean): TokenizedExample {
  if (isLearned(example)) return example;
  throw dataErrorAt(
    example.origin,
    whole
      ? "no token is learned: all labels are -100, or there is a single token; give a completion or drop the line"
      : `no token of the completion is left within ${example.inputIds.length} tokens; allow more tokens or drop what is too long`,
  );
}
