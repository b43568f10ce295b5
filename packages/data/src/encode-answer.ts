/** A prompt with an answer to it, for a model that reads other ids than the one that answered. */
import { createConversationJoiner } from "./join-conversation.js";
import { ignoredLabel, type Prompt } from "./records.js";
import type { TextTokenizer } from "./text-tokenizer.js";

/** A prompt with an answer to it. */
export interface AnsweredPrompt {
  /** Where the prompt comes from; of messages the reader's own chat template is used. */
  readonly record: Prompt | undefined;
  /** The prompt's text without special tokens, for other records. */
  readonly prompt: string;
  /** Without special tokens. */
  readonly answer: string;
  /** Whether an end token follows. */
  readonly isEnded: boolean;
}

/** Ids of the two parts. */
export interface EncodedAnswer {
  readonly prompt: readonly number[];
  /** May be empty. */
  readonly answer: readonly number[];
}

/**
 * Makes the function that gives the ids of a prompt with its answer as a ranking of them would have them: messages by the
 * reader's chat template, or as plain text where it has none; a plain prompt and its answer one after the other.
 *
 * It throws a DataError naming file and line where the reader's template refuses the messages.
 */
export function createAnswerEncoder(tokenizer: TextTokenizer): (request: AnsweredPrompt) => EncodedAnswer {
  const { eosTokenId } = tokenizer;
  const join = createConversationJoiner(tokenizer, { appendEos: eosTokenId !== undefined });
  const isSpecial = (id: number | undefined) =>
    id !== undefined && tokenizer.decode([id], { skipSpecialTokens: true }) === "";
  return ({ record, prompt, answer, isEnded }) => {
    const end = isEnded && eosTokenId !== undefined ? [eosTokenId] : [];
    if (record?.kind !== "conversation") {
      return {
        prompt: tokenizer.encode(prompt),
        answer: [...tokenizer.encode(answer, { addSpecialTokens: false }), ...end],
      };
    }
    // A policy without a template begins its answer with the space behind "Assistant:".
    const content = answer.replace(/^ /, "");
    // Templates refuse, or leave out, an answer without text.
    if (content === "") return { prompt: join(record).ids, answer: end };
    const messages = [...record.messages, { role: "assistant", content } as const];
    const { ids, labels } = join({ ...record, messages });
    const first = labels.lastIndexOf(ignoredLabel) + 1;
    const last = isEnded || !isSpecial(ids.at(-1)) ? ids.length : ids.length - 1;
    return { prompt: ids.slice(0, first), answer: ids.slice(first, last) };
  };
}
