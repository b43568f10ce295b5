/** What this package needs of a tokenizer; that of `@alignkit/tokenizer` has it. */
import { ConfigError } from "@alignkit/core";
import type { Message } from "./records.js";

/** What this package needs of a tokenizer. */
export interface TextTokenizer {
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): readonly number[];
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): string;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  /** Conversations by the tokenizer's chat template; where there is none they become plain text. */
  readonly chat?: ChatFormat | undefined;
}

/** Conversations as ids; throws where the template refuses one. */
export interface ChatFormat {
  /** All of it, the mask 1 on what the assistant says. */
  encode(
    messages: readonly Message[],
    options: ChatFormatOptions & { readonly firstAnswer: number },
  ): { readonly ids: readonly number[]; readonly assistantMask: ArrayLike<number> };
  /** Up to where the assistant is to answer. */
  encodePrompt(messages: readonly Message[], options: ChatFormatOptions): readonly number[];
}

export interface ChatFormatOptions {
  readonly tools?: readonly unknown[] | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** What stands in front of every text: BOS, when the tokenizer adds it. */
export function prefixIds(tokenizer: TextTokenizer): readonly number[] {
  const { bosTokenId } = tokenizer;
  return bosTokenId !== undefined && tokenizer.encode("a")[0] === bosTokenId ? [bosTokenId] : [];
}

/** @throws {ConfigError} when the tokenizer has no end token */
export function requireEos(tokenizer: TextTokenizer): number {
  if (tokenizer.eosTokenId === undefined) {
    throw new ConfigError(
      `the tokenizer has no end token, so that no text would end; name one as "eos_token" in tokenizer_config.json`,
    );
  }
  return tokenizer.eosTokenId;
}

/** Ids of the two parts of a row. */
export interface PromptAndCompletion {
  readonly prompt: readonly number[];
  readonly completion: readonly number[];
}

/**
 * Ids of a prompt and of what follows it, without special tokens.
 *
 * The prompt's ids are those it has on its own, because so it stands before the model when it generates. Only a tokenizer
 * that would add a space between the two (SentencePiece-like ones) decides otherwise: there a token across the boundary
 * belongs to the completion.
 */
export function encodePair(
  tokenizer: TextTokenizer,
  prompt: string,
  completion: string,
): PromptAndCompletion {
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
  const alone = encode(prompt);
  const joined = encode(prompt + completion);
  let shared = 0;
  while (shared < alone.length && alone[shared] === joined[shared]) shared++;
  if (shared < alone.length) {
    const apart = { prompt: alone, completion: encode(completion) };
    if (tokenizer.decode([...alone, ...apart.completion]) === tokenizer.decode(joined)) return apart;
  }
  return { prompt: joined.slice(0, shared), completion: joined.slice(shared) };
}
