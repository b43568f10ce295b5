/** Prompts as ids, for generation. */
import { checkIds } from "./check-ids.js";
import type { ConversationFormat } from "./conversation.js";
import { createConversationJoiner } from "./join-conversation.js";
import { createTurnJoiner } from "./join-turns.js";
import { dataErrorAt, type Origin } from "./origin.js";
import type { Prompt } from "./records.js";
import type { TextTokenizer } from "./text-tokenizer.js";
import { type TooLong, type TooLongCounts, tooLongError } from "./too-long.js";

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
  const { maximumLength, tooLong = "error", conversation, vocabularySize } = options;
  const joinTurns = createTurnJoiner(tokenizer, true);
  const joinConversation = createConversationJoiner(tokenizer, { appendEos: true, conversation });
  const idsOf = (record: Prompt): Int32Array => {
    if (record.kind === "pretokenized") return record.inputIds;
    const { ids } =
      record.kind === "prompt"
        ? joinTurns([{ prompt: record.prompt, completion: undefined }], record.origin)
        : joinConversation(record);
    return Int32Array.from(ids);
  };
  const prompts: TokenizedPrompt[] = [];
  let truncated = 0;
  let dropped = 0;
  for (const record of records) {
    const { origin } = record;
    const ids = idsOf(record);
    if (ids.length === 0) {
      throw dataErrorAt(
        origin,
        `the prompt is empty and the tokenizer adds no BOS; give at least one token or drop the line`,
      );
    }
    checkIds(ids, origin, tokenizer, vocabularySize);
    const fits = ids.length <= maximumLength;
    if (!fits && tooLong === "error") throw tooLongError({ inputIds: ids, origin }, maximumLength);
    if (!fits && tooLong === "drop") {
      dropped++;
      continue;
    }
    if (!fits) truncated++;
    prompts.push({
      inputIds: fits ? ids : cutStart(ids, maximumLength, tokenizer?.bosTokenId),
      record,
      origin,
    });
  }
  return { prompts, truncated, dropped };
}

function cutStart(ids: Int32Array, length: number, bos: number | undefined): Int32Array {
  const kept = ids[0] === bos ? ids.slice(0, 1) : ids.slice(0, 0);
  return Int32Array.from([...kept, ...ids.slice(ids.length - length + kept.length)]);
}
