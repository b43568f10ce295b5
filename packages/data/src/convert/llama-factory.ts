/** LLaMA-Factory's two shapes, each for demonstrations, preferences and labelled responses. */
import type { JsonObject } from "../files/row.js";
import type { Content, Message } from "../records.js";
import { type Example, toConversational } from "./example.js";
import { ofPairs, ofPromptAndResponse, type ShapedRows } from "./shaped-rows.js";

/** What a shape calls a prompt, and the replies to it; undefined where they do not fit in. */
interface Spelling {
  prompt(prompt: Content): JsonObject | undefined;
  /** Of a demonstration, prompt included. */
  demonstration(prompt: Content, response: Content): JsonObject | undefined;
  reply(response: Content): unknown;
}

export function writeAlpaca(example: Example): ShapedRows {
  return write(example, {
    prompt: alpacaPrompt,
    demonstration: (prompt, response) => {
      const start = alpacaPrompt(prompt);
      const output = alpacaReply(response);
      return start === undefined || output === undefined ? undefined : { ...start, output };
    },
    reply: alpacaReply,
  });
}

export function writeSharegpt(example: Example): ShapedRows {
  return write(toConversational(example), {
    prompt: (prompt) => ({ conversations: (prompt as readonly Message[]).map(sharegptMessage) }),
    demonstration: (prompt, response) => ({
      conversations: [...(prompt as readonly Message[]), ...(response as readonly Message[])].map(
        sharegptMessage,
      ),
    }),
    reply: (response) =>
      response.length === 1 ? sharegptMessage((response as readonly Message[])[0]!) : undefined,
  });
}

const misfit: ShapedRows = {
  misfit: "its messages do not take turns, a reply has several, or one of them calls tools",
};

/** Both shapes have a message's text alone. */
const isText = (message: Message) =>
  Object.keys(message).every((name) => name === "role" || name === "content");
const isTextAlone = ({ prompt = "", responses }: Example) =>
  [prompt, ...responses].every((content) => typeof content === "string" || content.every(isText));

function write(example: Example, { prompt: promptOf, demonstration, reply }: Spelling): ShapedRows {
  const { verdict } = example;
  if (!isTextAlone(example)) return misfit;
  const complete = (rows: readonly (JsonObject | undefined)[]) => rows.every((row) => row !== undefined);
  let shaped: ShapedRows;
  if (verdict.kind === "ranks") {
    shaped = ofPairs(example, (prompt, better, worse) => {
      const [start, chosen, rejected] = [promptOf(prompt), reply(better), reply(worse)];
      const isWhole = start !== undefined && chosen !== undefined && rejected !== undefined;
      return [(isWhole ? { ...start, chosen, rejected } : undefined) as JsonObject];
    });
  } else if (example.responses.length === 0 && example.prompt !== undefined) {
    shaped = { rows: [promptOf(example.prompt) as JsonObject] };
  } else {
    const tag = verdict.kind === "label" ? { kto_tag: verdict.label } : {};
    const unjudged: Example = verdict.kind === "label" ? { ...example, verdict: { kind: "none" } } : example;
    shaped = ofPromptAndResponse(unjudged, (prompt, response) => {
      const row = demonstration(prompt, response);
      return [(row === undefined ? undefined : { ...row, ...tag }) as JsonObject];
    });
  }
  return "rows" in shaped && !complete(shaped.rows) ? misfit : shaped;
}

/** The last message is the user's; those before it are the system's, then pairs. */
function alpacaPrompt(prompt: Content): JsonObject | undefined {
  if (typeof prompt === "string") return { instruction: prompt, input: "" };
  const system = prompt[0]?.role === "system" ? prompt[0].content : undefined;
  const turns = system === undefined ? prompt : prompt.slice(1);
  const isAlternating = turns.every(({ role }, index) => role === (index % 2 === 0 ? "user" : "assistant"));
  if (!isAlternating || turns.length % 2 === 0) return undefined;
  const history: [string, string][] = [];
  for (let turn = 0; turn + 1 < turns.length; turn += 2)
    history.push([(turns[turn] as Message).content, (turns[turn + 1] as Message).content]);
  return {
    instruction: (turns[turns.length - 1] as Message).content,
    input: "",
    ...(system === undefined ? {} : { system }),
    ...(history.length === 0 ? {} : { history }),
  };
}

function alpacaReply(response: Content): string | undefined {
  if (typeof response === "string") return response;
  return response.length === 1 ? response[0]?.content : undefined;
}

const speakers: Readonly<Record<Message["role"], string>> = {
  system: "system",
  user: "human",
  assistant: "gpt",
  tool: "observation",
};

function sharegptMessage({ role, content }: Message): JsonObject {
  return { from: speakers[role], value: content };
}
