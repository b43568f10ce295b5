/** What records of every kind have in common: a prompt, responses, and what is known of them. */
import { type ConversationFormat, plainConversation } from "../conversation.js";
import type { Content, DataRecord, Message } from "../records.js";

/** What somebody thought of the responses. */
export type Verdict =
  | { readonly kind: "none" }
  /** `[K]`; smaller is better, equal ranks are ties. */
  | { readonly kind: "ranks"; readonly ranks: readonly number[] }
  /** Of the one response: whether it is good. */
  | { readonly kind: "label"; readonly label: boolean }
  /** The responses are the steps of one solution: whether each is right. */
  | { readonly kind: "steps"; readonly labels: readonly boolean[] };

/** Prompt and responses are all strings, or all messages. */
export interface Example {
  /** Absent where a text or a conversation is not divided. */
  readonly prompt: Content | undefined;
  readonly responses: readonly Content[];
  readonly verdict: Verdict;
}

type ExampleOf = {
  readonly [Kind in DataRecord["kind"]]: (
    record: Extract<DataRecord, { readonly kind: Kind }>,
  ) => Example | undefined;
};

const unjudged: Verdict = { kind: "none" };

const exampleOfKind: ExampleOf = {
  text: ({ text }) => ({ prompt: undefined, responses: [text], verdict: unjudged }),
  prompt: ({ prompt }) => ({ prompt, responses: [], verdict: unjudged }),
  completion: ({ prompt, completion }) => ({ prompt, responses: [completion], verdict: unjudged }),
  conversation: ({ messages, learnedFrom = 0 }) => {
    if (messages[messages.length - 1]?.role !== "assistant")
      return { prompt: messages, responses: [], verdict: unjudged };
    return learnedFrom === 0
      ? { prompt: undefined, responses: [messages], verdict: unjudged }
      : {
          prompt: messages.slice(0, learnedFrom),
          responses: [messages.slice(learnedFrom)],
          verdict: unjudged,
        };
  },
  ranking: ({ prompt, responses, ranks }) => ({ prompt, responses, verdict: { kind: "ranks", ranks } }),
  "conversation-ranking": ({ messages, responses, ranks }) => ({
    prompt: messages,
    responses,
    verdict: { kind: "ranks", ranks },
  }),
  "unpaired-preference": ({ prompt, completion, label }) => ({
    prompt,
    responses: [completion],
    verdict: { kind: "label", label },
  }),
  stepwise: ({ prompt, steps, labels }) => ({ prompt, responses: steps, verdict: { kind: "steps", labels } }),
  pretokenized: () => undefined,
  "pretokenized-ranking": () => undefined,
};

/** Undefined for ids, which have no prompt. */
export function exampleOf(record: DataRecord): Example | undefined {
  return (exampleOfKind[record.kind] as (record: DataRecord) => Example | undefined)(record);
}

/** Divides a conversation before its last message; other examples stay as they are. */
export function withPrompt(example: Example): Example {
  const [response] = example.responses;
  if (example.prompt !== undefined || response === undefined || typeof response === "string") return example;
  return { ...example, prompt: response.slice(0, -1), responses: [response.slice(-1)] };
}

/** Messages as the text that a model without a chat template is shown; strings stay as they are. */
export function toStandard(example: Example, conversation: ConversationFormat = plainConversation): Example {
  const { prompt, responses } = example;
  const textOf = (messages: readonly Message[]) =>
    conversation(messages)
      .map((turn) => turn.prompt + (turn.completion ?? ""))
      .join("");
  if (typeof prompt === "string") return example;
  const start = prompt === undefined ? "" : textOf(prompt);
  return {
    ...example,
    prompt: prompt === undefined ? undefined : start,
    responses: responses.map((response) => {
      if (typeof response === "string") return response;
      const whole = textOf([...(prompt ?? []), ...response]);
      // The text of a prompt ends where its reply begins.
      return whole.startsWith(start) ? whole.slice(start.length) : textOf(response);
    }),
  };
}

/** Strings as messages of user and assistant; a space in front of a response is left out. */
export function toConversational(example: Example): Example {
  const message = (role: Message["role"], content: string): readonly Message[] => [{ role, content }];
  const { prompt, responses } = example;
  return {
    ...example,
    prompt: typeof prompt === "string" ? message("user", prompt) : prompt,
    responses: responses.map((response) =>
      typeof response === "string" ? message("assistant", response.replace(/^ /, "")) : response,
    ),
  };
}
