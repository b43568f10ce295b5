/**
 * Conversations as plain text, for tokenizers without a chat template:
 *
 * ```text
 * <system message>
 *
 * User: <message>
 *
 * Assistant: <message><end token>
 *
 * User: ...
 * ```
 *
 * Only the assistant's messages and their end tokens are learned. A prompt ends with `Assistant:`, without a space after
 * it, because in most vocabularies the space belongs to the next word.
 */
import type { Message } from "./records.js";

/** A piece of context and the reply to it, which is undefined where the model is to answer. */
export interface Turn {
  readonly prompt: string;
  readonly completion: string | undefined;
  /** False where the reply is context only; default true. */
  readonly isLearned?: boolean;
}

/** Cuts a conversation into turns; joined, with an end token after each completion, they are the whole text. */
export type ConversationFormat = (messages: readonly Message[]) => readonly Turn[];

/** `User: ...` and `Assistant: ...`, an empty line between; for tokenizers without a chat template. */
export const plainConversation: ConversationFormat = (messages) => {
  const turns: Turn[] = [];
  let prompt = "";
  for (const { role, content } of messages) {
    if (role === "assistant") {
      turns.push({ prompt: `${prompt}Assistant:`, completion: ` ${content}` });
      prompt = "\n\n";
    } else {
      prompt += role === "user" ? `User: ${content}\n\n` : `${content}\n\n`;
    }
  }
  if (messages[messages.length - 1]?.role !== "assistant") {
    turns.push({ prompt: `${prompt}Assistant:`, completion: undefined });
  }
  return turns;
};
