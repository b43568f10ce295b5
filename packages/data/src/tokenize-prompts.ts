/** Prompts as ids, for generation. */
import { checkIds } from "./check-ids.js";
import type { ConversationFormat } from "./conversation.js";
import { createConversationJoiner } from "./join-conversation.js";
import { createTurnJoiner } from "./join-turns.js";
import { dataErrorAt, type Origin } from "./origin.js";
import type { Prompt } from "./records.js";
import type { TextTokenizer } from "./text-tokenizer.js";
import { createLengthLimit, type RecordTokenizer, type TooLong, type TooLongCounts } from "./too-long.js";

/** A prompt as ids, with the record that it was. */
export interface TokenizedPrompt {
  /** `[T]`, at least one */
  readonly inputIds: Int32Array;
  readonly record: Prompt;
  readonly origin: Origin;
}

/** Prompts that fit, and how many did not. */
export interface TokenizedPrompts extends TooLongCounts {
  readonly prompts: readonly TokenizedPrompt[];
}

/** How long prompts may be. */
export interface TokenizePromptsOptions {
  readonly maximumLength: number;
  /** Default "error". "truncate" cuts the start, after BOS, and keeps the end. */
  readonly tooLong?: TooLong;
  /** How `{messages}` become text, instead of the tokenizer's chat template or, without one, {@link plainConversation}. */
  readonly conversation?: ConversationFormat;
  /** Ids from here on are an error. */
  readonly vocabularySize?: number;
}

/**
 * Ids of prompts, BOS in front where the tokenizer adds it. They are the ids that the same prompt has in a demonstration.
 * @throws {DataError} naming file and line for a prompt that is too long, has no token, or starts with BOS twice
 */
export function tokenizePrompts(
  records: readonly Prompt[],
  tokenizer: TextTokenizer | undefined,
  options: TokenizePromptsOptions,
): TokenizedPrompts {
  const { tokenize, counts } = createPromptTokenizer(tokenizer, options);
  return { prompts: records.flatMap((record) => tokenize(record) ?? []), ...counts() };
}

/** {@link tokenizePrompts} for one record after the other. */
export function createPromptTokenizer(
  tokenizer: TextTokenizer | undefined,
  { maximumLength, tooLong, conversation, vocabularySize }: TokenizePromptsOptions,
): RecordTokenizer<Prompt, TokenizedPrompt> {
  const joinTurns = createTurnJoiner(tokenizer, true);
  const joinConversation = createConversationJoiner(tokenizer, { appendEos: true, conversation });
  const limit = createLengthLimit(maximumLength, tooLong);
  const idsOf = (record: Prompt): Int32Array => {
    if (record.kind === "pretokenized") return record.inputIds;
    const { ids } =
      record.kind === "prompt"
        ? joinTurns([{ prompt: record.prompt, completion: undefined }], record.origin)
        : joinConversation(record);
    return Int32Array.from(ids);
  };
  return {
    tokenize(record) {
      const { origin } = record;
      const ids = idsOf(record);
      if (ids.length === 0) {
        throw dataErrorAt(
          origin,
          `the prompt is empty and the tokenizer adds no BOS; give at least one token or drop the line`,
        );
      }
      checkIds(ids, origin, tokenizer, vocabularySize);
      const verdict = limit.judge([ids], origin);
      if (verdict === "drop") return undefined;
      const fitting = verdict === "take" ? ids : cutStart(ids, maximumLength, tokenizer?.bosTokenId);
      return { inputIds: fitting, record, origin };
    },
    counts: limit.counts,
  };
}

function cutStart(ids: Int32Array, length: number, bos: number | undefined): Int32Array {
  const kept = ids[0] === bos ? ids.slice(0, 1) : ids.slice(0, 0);
  return Int32Array.from([...kept, ...ids.slice(ids.length - length + kept.length)]);
}
