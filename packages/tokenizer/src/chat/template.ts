/**
 * Chat templates: a conversation as the text that a model was trained on. The only file that imports `@huggingface/jinja`.
 *
 * A template sees what it sees in transformers: the messages, the special tokens by name, `tools` and `documents` (none
 * unless given), `add_generation_prompt`, and any further variables.
 * @see https://huggingface.co/docs/transformers/chat_templating
 */
import { Template } from "@huggingface/jinja";
import { TokenizerError } from "../errors.js";

/** `role` and usually `content`; a template may know more fields, such as `tool_calls`. */
export interface ChatMessage {
  readonly role: string;
  readonly [field: string]: unknown;
}

/** What a template is told besides the messages. */
export interface RenderOptions {
  /** Whether the text ends where the assistant is to answer; default false. */
  readonly addGenerationPrompt?: boolean;
  /** Descriptions of functions; a template named `tool_use` is taken when there is one. */
  readonly tools?: readonly unknown[] | undefined;
  /** Further names, such as `enable_thinking`; `strftime_now` given here replaces today's date. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
}

/** Stretches of a text in UTF-16 units: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A conversation as text, and where the assistant speaks. */
export interface RenderedChat {
  readonly text: string;
  /** What stands between `{% generation %}` and `{% endgeneration %}`; undefined where the template has no such block. */
  readonly generated: readonly Span[] | undefined;
}

/** Conversations as text, by the model's own template. */
export interface ChatTemplate {
  /** The Jinja text of the template that is taken without tools. */
  readonly source: string;
  /** The text of `eos_token`. */
  readonly endToken: string | undefined;
  /** @throws {TokenizerError} when the template is not valid Jinja, cannot be run, or refuses the conversation */
  render(messages: readonly ChatMessage[], options?: RenderOptions): RenderedChat;
}

/**
 * @param sources - Jinja texts by name; `default` is the one of a tokenizer that names none
 * @param specialTokens - such as `bos_token`, by name
 * @throws {TokenizerError} when none is named `default`
 */
export function createChatTemplate(
  sources: ReadonlyMap<string, string>,
  specialTokens: ReadonlyMap<string, string>,
): ChatTemplate {
  const source = sources.get("default");
  if (source === undefined) {
    throw new TokenizerError(
      `the chat templates are named [${[...sources.keys()].join(", ")}]; name one of them "default"`,
    );
  }
  const compiled = new Map<string, Render>();
  const renderer = (name: string): Render => {
    const known = compiled.get(name) ?? compile(name, sources.get(name) as string);
    compiled.set(name, known);
    return known;
  };
  return {
    source,
    endToken: specialTokens.get("eos_token"),
    render(messages, { addGenerationPrompt = false, tools, variables } = {}) {
      return renderer(tools !== undefined && sources.has("tool_use") ? "tool_use" : "default")({
        tools: tools ?? null,
        documents: null,
        ...Object.fromEntries(specialTokens),
        ...withoutGlobals({ ...variables, raise_exception: refuse }),
        messages,
        add_generation_prompt: addGenerationPrompt,
      });
    },
  };
}

type Render = (variables: Readonly<Record<string, unknown>>) => RenderedChat;

function compile(name: string, source: string): Render {
  const parse = (text: string): Template => {
    try {
      return new Template(prologue + text);
    } catch (cause) {
      throw new TokenizerError(`the chat template "${name}" is not valid Jinja: ${messageOf(cause)}`, {
        cause,
      });
    }
  };
  const run = (template: Template, variables: Readonly<Record<string, unknown>>): string => {
    try {
      return template.render(variables);
    } catch (cause) {
      if (cause instanceof TokenizerError) throw cause;
      throw new TokenizerError(`the chat template "${name}" cannot be run: ${messageOf(cause)}`, { cause });
    }
  };
  const template = parse(source);
  const markedSource = markGeneration(source);
  if (markedSource === source)
    return (variables) => ({ text: run(template, variables), generated: undefined });
  const marked = parse(markedSource);
  return (variables) => {
    const { text, spans } = readMarks(run(marked, variables));
    if (text !== run(template, variables)) {
      throw new TokenizerError(
        `the chat template "${name}" changes what stands in its {% generation %} block after the block; close the block where the text is final`,
      );
    }
    return { text, generated: spans };
  };
}

/** Functions that the package offers every template, and the names under which ours come in their place. */
const globals: Readonly<Record<string, string>> = {
  raise_exception: "given_raise_exception",
  strftime_now: "given_strftime_now",
};
/** The package does not let a variable have a global's name; a template may set it. */
const prologue = `${Object.entries(globals)
  .map(([name, ours]) => `{% if ${ours} is defined %}{% set ${name} = ${ours} %}{% endif %}`)
  .join("")}\n`;

function withoutGlobals(variables: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [globals[name] ?? name, value]));
}

/** Two of Unicode's noncharacters, which no text to be exchanged holds. */
const opening = "\ufdd0";
const closing = "\ufdd1";

/** The template with a mark written where a generation block begins and ends, its white space controls obeyed. */
function markGeneration(source: string): string {
  return source.replace(
    /{%([-+]?)\s*(end)?generation\s*([-+]?)%}/g,
    (_, left: string, end: string | undefined, right: string) =>
      `{%${left} if true %}{{ "${end === undefined ? opening : closing}" }}{% endif ${right}%}`,
  );
}

function readMarks(marked: string): { readonly text: string; readonly spans: readonly Span[] } {
  const spans: Span[] = [];
  let text = "";
  let start: number | undefined;
  for (const part of marked.split(/([\ufdd0\ufdd1])/)) {
    if (part === opening) start = text.length;
    else if (part !== closing) text += part;
    else if (start !== undefined) {
      spans.push({ start, end: text.length });
      start = undefined;
    }
  }
  return { text, spans };
}

function refuse(reason: unknown): never {
  throw new TokenizerError(`the chat template refuses the conversation: ${String(reason)}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
