/** Conversations as ids: by the tokenizer's chat template, or as plain text where it has none. */
import { type ConversationFormat, plainConversation } from "./conversation.js";
import type { JsonObject } from "./files/row.js";
import { createTurnJoiner, type JoinedTurns } from "./join-turns.js";
import { dataErrorAt, type Origin } from "./origin.js";
import { ignoredLabel, type Message } from "./records.js";
import { type ChatFormat, type ChatFormatOptions, requireEos, type TextTokenizer } from "./text-tokenizer.js";

export interface Conversation {
  readonly messages: readonly Message[];
  /** Messages before this one are not learned, whoever speaks; default 0. */
  readonly learnedFrom?: number;
  readonly origin: Origin;
  /** Its columns `tools` and `chat_template_kwargs` go to the chat template, as in TRL. */
  readonly row: JsonObject;
}

export interface ConversationJoinerOptions {
  /** Whether an end token follows the last answer where the template writes none; plain text has one after each. */
  readonly appendEos: boolean;
  /** Instead of the tokenizer's chat template. */
  readonly conversation?: ConversationFormat | undefined;
}

/**
 * Makes the function that gives the ids and labels of a conversation. It ends with the last answer; one that does not end
 * with the assistant ends where the assistant is to answer.
 */
export function createConversationJoiner(
  tokenizer: TextTokenizer | undefined,
  { appendEos, conversation }: ConversationJoinerOptions,
): (conversation: Conversation) => JoinedTurns {
  const joinTurns = createTurnJoiner(tokenizer, appendEos);
  const chat = conversation === undefined ? tokenizer?.chat : undefined;
  return ({ messages, learnedFrom = 0, origin, row }) => {
    const firstAnswer = messages.slice(0, learnedFrom).filter(({ role }) => role === "assistant").length;
    if (tokenizer === undefined || chat === undefined) {
      const turns = (conversation ?? plainConversation)(plainMessages(messages, origin));
      const marked = turns.map((turn, index) => ({ ...turn, isLearned: index >= firstAnswer }));
      return joinTurns(marked, origin);
    }
    const options = chatOptions(row, origin);
    try {
      if (messages[messages.length - 1]?.role !== "assistant") {
        const ids = chat.encodePrompt(messages, options);
        return { ids, labels: ids.map(() => ignoredLabel) };
      }
      return ended(chat.encode(messages, { ...options, firstAnswer }), tokenizer, appendEos);
    } catch (cause) {
      throw dataErrorAt(origin, cause instanceof Error ? cause.message : String(cause), cause);
    }
  };
}

/** Without what the template writes behind the last answer, and with an end token if the answer has none. */
function ended(
  { ids, assistantMask }: ReturnType<ChatFormat["encode"]>,
  tokenizer: TextTokenizer,
  appendEos: boolean,
): JoinedTurns {
  const length = Array.from(assistantMask).lastIndexOf(1) + 1;
  const kept = ids.slice(0, length);
  const labels = kept.map((id, index) => (assistantMask[index] === 1 ? id : ignoredLabel));
  // Special tokens have no text of their own.
  const isClosed = tokenizer.decode(kept.slice(-1), { skipSpecialTokens: true }) === "";
  if (isClosed || !appendEos) return { ids: kept, labels };
  const eos = requireEos(tokenizer);
  return { ids: [...kept, eos], labels: [...labels, eos] };
}

function plainMessages(messages: readonly Message[], origin: Origin): readonly Message[] {
  const index = messages.findIndex(({ role }) => role === "tool");
  if (index === -1) return messages;
  throw dataErrorAt(
    origin,
    `"messages"[${index}].role is "tool", which needs a chat template; put chat_template.jinja beside the model's tokenizer.json`,
  );
}

/** Both columns may be JSON in a string, because tables have no column for any value. */
function chatOptions(row: JsonObject, origin: Origin): ChatFormatOptions {
  const read = (name: string): unknown => {
    const value = row[name] ?? undefined;
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value);
    } catch (cause) {
      throw dataErrorAt(origin, `"${name}" is a string, but not JSON; give JSON`, cause);
    }
  };
  const tools = read("tools");
  const variables = read("chat_template_kwargs");
  if (tools !== undefined && !Array.isArray(tools))
    throw dataErrorAt(origin, `"tools" is ${JSON.stringify(tools).slice(0, 40)}; give an array of tools`);
  if (variables !== undefined && (typeof variables !== "object" || Array.isArray(variables)))
    throw dataErrorAt(
      origin,
      `"chat_template_kwargs" is ${JSON.stringify(variables).slice(0, 40)}; give an object`,
    );
  return { tools, variables: variables as ChatFormatOptions["variables"] };
}
