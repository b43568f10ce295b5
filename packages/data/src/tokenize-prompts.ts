/** Prompts as ids, for generation. */
import { type ConversationFormat, plainConversation } from "./conversation.js";
import { dataErrorAt, type Origin } from "./origin.js";
import type { Prompt } from "./records.js";
import { encodePair, prefixIds, requireEos, type TextTokenizer } from "./text-tokenizer.js";
import { checkIds, tooLongError } from "./tokenize-demonstrations.js";
import type { TooLong, TooLongCounts } from "./too-long.js";

export interface TokenizedPrompt {
  /** `[T]`, at least one */
  readonly inputIds: Int32Array;
  readonly record: Prompt;
  readonly origin: Origin;
}

export interface TokenizedPrompts extends TooLongCounts {
  readonly prompts: readonly TokenizedPrompt[];
}

export interface TokenizePromptsOptions {
  readonly maximumLength: number;
  /** Default "error". "truncate" cuts the start, after BOS, and keeps the end. */
  readonly tooLong?: TooLong;
  /** How `{messages}` become text; default {@link plainConversation}. */
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
  tokenizer: TextTokenizer,
  options: TokenizePromptsOptions,
): TokenizedPrompts {
  const { maximumLength, tooLong = "error", conversation = plainConversation, vocabularySize } = options;
  const prefix = prefixIds(tokenizer);
  const prompts: TokenizedPrompt[] = [];
  let truncated = 0;
  let dropped = 0;
  for (const record of records) {
    const { origin } = record;
    const ids = idsOf(record, tokenizer, prefix, conversation);
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
    prompts.push({ inputIds: fits ? ids : cutStart(ids, maximumLength, prefix), record, origin });
  }
  return { prompts, truncated, dropped };
}

function idsOf(
  record: Prompt,
  tokenizer: TextTokenizer,
  prefix: readonly number[],
  conversation: ConversationFormat,
): Int32Array {
  if (record.kind === "pretokenized") return record.inputIds;
  const turns =
    record.kind === "prompt"
      ? [{ prompt: record.prompt, completion: undefined }]
      : conversation(record.messages);
  const ids = [...prefix];
  for (const turn of turns) {
    const { prompt, completion } = encodePair(tokenizer, turn.prompt, turn.completion ?? "");
    ids.push(...prompt, ...completion);
    if (turn.completion !== undefined) ids.push(requireEos(tokenizer));
  }
  return Int32Array.from(ids);
}

function cutStart(ids: Int32Array, length: number, prefix: readonly number[]): Int32Array {
  const kept = prefix.length > 0 && ids[0] === prefix[0] ? prefix : [];
  return Int32Array.from([...kept, ...ids.slice(ids.length - length + kept.length)]);
}
