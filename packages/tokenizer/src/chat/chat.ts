/** Conversations as ids, by the tokenizer's chat template. */
import { TokenizerError } from "../errors.js";
import type { Tokenizer } from "../tokenizer.js";
import { findAnswers } from "./answers.js";
import type { ChatMessage, ChatTemplate, RenderOptions, Span } from "./template.js";

/** A conversation as ids. */
export interface EncodedChat {
  /** `[T]` */
  readonly ids: readonly number[];
  /** `[T]` 1 for what the assistant says, its end tokens included, 0 for the rest. */
  readonly assistantMask: Uint8Array;
}

/** What the template is told of every conversation. */
export type ChatOptions = Pick<RenderOptions, "tools" | "variables">;

/** Conversations as ids: a template and a tokenizer. */
export interface Chat {
  readonly template: ChatTemplate;
  /**
   * A conversation with its answers, to learn from.
   *
   * Where the template marks its answers with `{% generation %}`, ids and mask are those of transformers: a token that
   * holds a character of an answer belongs to it. Otherwise the ids of each prompt are also those that it has on its own,
   * because so it stands before the model when it generates.
   * @param options.firstAnswer - answers before this one are not learned; default 0
   * @throws {TokenizerError} when the template does not let the answers be told from the rest, BOS comes twice, or the
   *   mask is all 0 or all 1
   */
  encode(
    messages: readonly ChatMessage[],
    options?: ChatOptions & { readonly firstAnswer?: number },
  ): EncodedChat;
  /**
   * A conversation up to where the assistant is to answer.
   * @throws {TokenizerError} when the template refuses the conversation, or BOS comes twice
   */
  encodePrompt(messages: readonly ChatMessage[], options?: ChatOptions): readonly number[];
  /**
   * The special token that ends an answer, where generation is to stop; many models have another one in `config.json`,
   * which ends a document. Undefined when the template writes none.
   */
  readonly stopTokenId: number | undefined;
}

type ChatTokenizer = Pick<
  Tokenizer,
  "bosTokenId" | "decode" | "encode" | "encodeWithOffsets" | "specialTokenIds"
>;

export function createChat(template: ChatTemplate, tokenizer: ChatTokenizer): Chat {
  let stop: number | undefined | null = null;
  const chat: Chat = {
    template,
    get stopTokenId() {
      stop = stop === null ? findStopToken(chat, tokenizer) : stop;
      return stop;
    },
    encode(messages, { firstAnswer = 0, ...options } = {}) {
      const { text, answers: all, areMarked } = findAnswers(template, messages, options);
      const answers = all.slice(firstAnswer);
      const whole = encodeWhole(tokenizer, text, answers);
      const isWhole = areMarked || keepsPrompts(tokenizer, text, answers, whole);
      const encoded = isWhole ? whole : encodeApart(tokenizer, text, answers, whole);
      const hasAnswer = messages.some(({ role }) => role === "assistant");
      checkBos(encoded.ids, tokenizer);
      checkMask(encoded.assistantMask, areMarked && all.length === 0 && hasAnswer);
      return encoded;
    },
    encodePrompt(messages, options = {}) {
      const { text } = template.render(messages, { ...options, addGenerationPrompt: true });
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      checkBos(ids, tokenizer);
      return ids;
    },
  };
  return chat;
}

/** The last token of an answer, if it is a special one; templates that refuse the question are asked no more. */
function findStopToken(chat: Chat, { specialTokenIds }: ChatTokenizer): number | undefined {
  let encoded: EncodedChat;
  try {
    encoded = chat.encode([
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ]);
  } catch (error) {
    if (error instanceof TokenizerError) return undefined;
    throw error;
  }
  const { ids, assistantMask } = encoded;
  // A marked answer may go on with white space behind its end token.
  return ids.findLast((id, index) => assistantMask[index] === 1 && specialTokenIds.has(id));
}

function checkMask(mask: Uint8Array, isBlockEmpty: boolean): void {
  if (!mask.includes(1)) {
    throw new TokenizerError(
      isBlockEmpty
        ? "no token is the assistant's: nothing stands in the chat template's {% generation %} block; put the answer and its end token there"
        : "no token is the assistant's; give an answer that is not empty",
    );
  }
  if (mask.includes(0)) return;
  throw new TokenizerError(
    "every token is the assistant's, so that no prompt is left; put only the answer and its end token into the chat template's {% generation %} block, and a message before the first answer",
  );
}

function encodeWhole(tokenizer: ChatTokenizer, text: string, answers: readonly Span[]): EncodedChat {
  const { ids, offsets } = tokenizer.encodeWithOffsets(text, { addSpecialTokens: false });
  let answer = 0;
  const assistantMask = Uint8Array.from(offsets, ([start, end]) => {
    while (answer < answers.length && (answers[answer] as Span).end <= start) answer++;
    const next = answers[answer];
    return next !== undefined && end > next.start ? 1 : 0;
  });
  return { ids, assistantMask };
}

/** Whether each prompt has the same ids on its own. */
function keepsPrompts(
  tokenizer: ChatTokenizer,
  text: string,
  answers: readonly Span[],
  { ids, assistantMask }: EncodedChat,
): boolean {
  let from = 0;
  return answers.every(({ start }) => {
    const alone = tokenizer.encode(text.slice(0, start), { addSpecialTokens: false });
    const first = assistantMask.indexOf(1, from);
    from = assistantMask.indexOf(0, first);
    return first === alone.length && alone.every((id, index) => id === ids[index]);
  });
}

/** Prompts and answers one by one; but where that changes the text (a tokenizer that adds spaces), the whole stays. */
function encodeApart(
  tokenizer: ChatTokenizer,
  text: string,
  answers: readonly Span[],
  whole: EncodedChat,
): EncodedChat {
  const ids: number[] = [];
  const mask: number[] = [];
  const add = (start: number, end: number, isAnswer: 0 | 1) => {
    for (const id of tokenizer.encode(text.slice(start, end), { addSpecialTokens: false })) {
      ids.push(id);
      mask.push(isAnswer);
    }
  };
  let taken = 0;
  for (const { start, end } of answers) {
    add(taken, start, 0);
    add(start, end, 1);
    taken = end;
  }
  add(taken, text.length, 0);
  return tokenizer.decode(ids) === tokenizer.decode(whole.ids)
    ? { ids, assistantMask: Uint8Array.from(mask) }
    : whole;
}

function checkBos(ids: readonly number[], { bosTokenId }: ChatTokenizer): void {
  if (bosTokenId === undefined || ids[0] !== bosTokenId || ids[1] !== bosTokenId) return;
  throw new TokenizerError(
    `the conversation starts with BOS (id ${bosTokenId}) twice; let either the chat template or the first message write it`,
  );
}
