/**
 * Which part of a rendered conversation the assistant says.
 *
 * A template may say it itself with `{% generation %}`. Otherwise each answer begins where a rendering of what comes
 * before it, with the generation prompt, ends; and it ends where a rendering up to it ends, which is behind its end token
 * if the template writes one, white space after that left out.
 */
import { TokenizerError } from "../errors.js";
import type { ChatMessage, ChatTemplate, RenderOptions, Span } from "./template.js";

export interface ChatAnswers {
  readonly text: string;
  /** In order, none empty. */
  readonly answers: readonly Span[];
  /** Whether the template itself says which they are. */
  readonly areMarked: boolean;
}

/**
 * @throws {TokenizerError} when the template does not let the answers be told from the rest
 */
export function findAnswers(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  options: Omit<RenderOptions, "addGenerationPrompt"> = {},
): ChatAnswers {
  const { text, generated } = template.render(messages, options);
  const answers =
    generated ??
    messages.flatMap(({ role }, index) =>
      role === "assistant" ? [findAnswer(template, messages, index, options, text)] : [],
    );
  return {
    text,
    answers: answers.filter(({ start, end }) => end > start),
    areMarked: generated !== undefined,
  };
}

/** One of Unicode's noncharacters, which no text to be exchanged holds. */
const mark = "\ufdd2";
const remedy = "mark its answers with {% generation %} and {% endgeneration %}";

function findAnswer(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  index: number,
  options: RenderOptions,
  text: string,
): Span {
  const render = (shown: readonly ChatMessage[], addGenerationPrompt = false) =>
    template.render(shown, { ...options, addGenerationPrompt }).text;
  const place = `messages[${index}]`;
  const start = startOfAnswer();
  const untilHere = messages.slice(0, index + 1);
  const alone = render(untilHere);
  const answer = text.slice(start, text.startsWith(alone) ? alone.length : endBehindMark());
  const { endToken } = template;
  const ends = endToken === undefined ? -1 : answer.lastIndexOf(endToken);
  const kept = ends === -1 ? answer.trimEnd() : answer.slice(0, ends + (endToken as string).length);
  // Some templates end an answer with its end token only when more follows.
  const follows =
    endToken !== undefined && text.startsWith(endToken, start + kept.length) ? endToken.length : 0;
  if (kept === "")
    throw new TokenizerError(`the chat template does not write ${place} as an answer; ${remedy}`);
  return { start, end: start + kept.length + follows };

  /**
   * Some templates begin an answer to be generated with a thought, and do not keep the thoughts of earlier answers: there
   * the two have the header in common.
   */
  function startOfAnswer(): number {
    const before = messages.slice(0, index);
    const prompt = render(before, true);
    if (text.startsWith(prompt)) return prompt.length;
    const shared = Math.min(sharedStart(prompt, text), sharedStart(text, render(withMark("start"))));
    const header = withoutOpenToken(text.slice(0, shared)).length;
    const past = render(before);
    if (text.startsWith(past) && header > past.length) return header;
    throw new TokenizerError(`the chat template does not begin ${place} as it begins an answer; ${remedy}`);
  }

  /**
   * For templates that write an answer otherwise once more follows (Qwen 3 drops its thoughts, BlenderBot ends only the
   * last one). With a mark behind the content, two renderings have in common at the end what follows the content.
   */
  function endBehindMark(): number {
    const marked = withMark("end");
    const end = text.length - sharedEnd(text, render(marked));
    const closing = alone.slice(alone.length - sharedEnd(alone, render(marked.slice(0, index + 1))));
    const common = closing.slice(0, sharedStart(closing, text.slice(end)));
    return end + withoutOpenToken(common).length;
  }

  /** The conversation with a mark at one end of the answer's content. */
  function withMark(side: "start" | "end"): readonly ChatMessage[] {
    const message = messages[index] as ChatMessage;
    const content = String(message.content ?? "");
    return messages.with(index, { ...message, content: side === "start" ? mark + content : content + mark });
  }
}

/** Two tokens may begin alike: a bracket that is left open is not in common. */
function withoutOpenToken(text: string): string {
  return text.replace(/[<[][^<>[\]\s]*$/, "");
}

function sharedStart(a: string, b: string): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
  return length;
}

function sharedEnd(a: string, b: string): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[a.length - 1 - length] === b[b.length - 1 - length])
    length++;
  return length;
}
