import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../directory.js";
import { createTokenizer } from "../tokenizer.js";
import { type ChatMessage, createChatTemplate, type RenderOptions } from "./template.js";

const fixtures = new URL("../../fixtures/", import.meta.url).pathname;

interface ChatCase {
  readonly title: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[] | null;
  readonly add_generation_prompt: boolean;
  readonly text: string;
}

describe.each([
  ["bpe_llama3", 24],
  ["bpe_qwen", 22],
])("%s, against transformers", async (kind, count) => {
  const { chat }: { readonly chat: readonly ChatCase[] } = JSON.parse(
    await readFile(`${fixtures}${kind}/cases.json`, "utf8"),
  );
  const { chat: ours } = await loadTokenizer(`${fixtures}${kind}`);

  it("has all cases", () => expect(chat.length).toBe(count));

  it.each(chat)("$title, generation prompt $add_generation_prompt", (entry) => {
    const { messages, tools, add_generation_prompt: addGenerationPrompt, text } = entry;
    const rendered = ours?.template.render(messages, { addGenerationPrompt, tools: tools ?? undefined });
    expect(rendered?.text).toBe(text);
  });
});

const render = (source: string, options: RenderOptions = {}, messages: readonly ChatMessage[] = talk) =>
  createChatTemplate(new Map([["default", source]]), new Map([["bos_token", "<s>"]])).render(
    messages,
    options,
  );
const talk = [
  { role: "user", content: "hi" },
  { role: "assistant", content: "yes" },
];

describe("what a template sees", () => {
  it("tools and documents are none, as in transformers, and special tokens have names", () => {
    const none = "{{ bos_token }}{% if tools is none and documents is none %}none{% endif %}";
    expect(render(none).text).toBe("<s>none");
  });

  it("further variables, and a clock", () => {
    const source = "{{ strftime_now('%d') }}{% if not enable_thinking %}silent{% endif %}";
    const variables = { enable_thinking: false, strftime_now: (format: string) => `[${format}]` };
    expect(render(source, { variables }).text).toBe("[%d]silent");
  });

  it("the template for tools only with tools", () => {
    const sources = new Map([
      ["default", "plain"],
      ["tool_use", "{{ tools[0].name }}"],
    ]);
    const template = createChatTemplate(sources, new Map());
    expect(template.render(talk).text).toBe("plain");
    expect(template.render(talk, { tools: [{ name: "clock" }] }).text).toBe("clock");
  });
});

describe("a {% generation %} block", () => {
  const source = [
    "{% for message in messages %}",
    "{{ message.role }}:",
    "    {%- if message.role == 'assistant' %}",
    "    {% generation %}",
    " {{ message.content }};",
    "    {%- endgeneration %}",
    "    {%- else %} {{ message.content }}{% endif %}",
    "|{% endfor %}",
  ].join("\n");

  it("is found in the text, its white space controls obeyed", () => {
    const { text, generated } = render(source);
    expect(text).toBe("user: hi|assistant: yes;|");
    expect(generated).toEqual([{ start: 19, end: 24 }]); // " yes;" after the 19 characters "user: hi|assistant:"
  });

  it("is undefined where there is none", () => {
    expect(render("{{ messages[0].content }}")).toEqual({ text: "hi", generated: undefined });
  });

  it("must hold the final text", () => {
    const trimmed =
      "{% set x %}{% generation %} {{ messages[1].content }} {% endgeneration %}{% endset %}{{ x | trim }}";
    expect(() => render(trimmed)).toThrow("changes what stands in its {% generation %} block");
  });
});

describe("errors", () => {
  it("a template's own refusal", () => {
    expect(() => render("{{ raise_exception('roles must alternate') }}")).toThrow(
      "the chat template refuses the conversation: roles must alternate",
    );
  });

  it("a template that is not Jinja, or calls what is not there", () => {
    expect(() => render("{% if %}")).toThrow('the chat template "default" is not valid Jinja');
    expect(() => render("{{ nothing() }}")).toThrow('the chat template "default" cannot be run');
  });

  it("templates without a default", () => {
    expect(() => createChatTemplate(new Map([["rag", ""]]), new Map())).toThrow(
      'the chat templates are named [rag]; name one of them "default"',
    );
  });
});

describe("where templates stand", async () => {
  const { files } = await loadTokenizer(`${fixtures}bpe_gpt2`);
  const withConfig = (chat_template: unknown, more: readonly [string, Uint8Array][] = []) =>
    createTokenizer(
      new Map([
        ...files,
        ["tokenizer_config.json", new TextEncoder().encode(JSON.stringify({ chat_template }))],
        ...more,
      ]),
    ).chat?.template.source;

  it("in tokenizer_config.json, as text or by name", () => {
    expect(withConfig("one")).toBe("one");
    expect(
      withConfig([
        { name: "tool_use", template: "two" },
        { name: "default", template: "three" },
      ]),
    ).toBe("three");
    expect(withConfig(undefined)).toBeUndefined();
  });

  it("in chat_template.jinja, which comes first", () => {
    expect(withConfig("one", [["chat_template.jinja", new TextEncoder().encode("file")]])).toBe("file");
  });

  it("refuses what is neither", () => {
    expect(() => withConfig({ default: "one" })).toThrow(
      'tokenizer_config.json: chat_template is {"default":"one"}; give a string or a list of {"name", "template"}',
    );
    expect(() => withConfig([{ name: "default" }])).toThrow(
      'tokenizer_config.json: chat_template[0] needs "name" and "template", both strings',
    );
  });
});
