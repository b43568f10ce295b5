import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../directory.js";
import { createTokenizer, type Tokenizer } from "../tokenizer.js";
import type { ChatOptions } from "./chat.js";
import type { ChatMessage } from "./template.js";

const fixtures = new URL("../../fixtures/", import.meta.url).pathname;

const encodeChat = ({ chat }: Tokenizer, messages: readonly ChatMessage[], options?: ChatOptions) => {
  if (chat === undefined) throw new Error("the fixture has no chat template");
  return chat.encode(messages, options);
};
const encodeChatPrompt = ({ chat }: Tokenizer, messages: readonly ChatMessage[], options?: ChatOptions) =>
  chat?.encodePrompt(messages, options);

interface ChatCase {
  readonly title: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[] | null;
  readonly add_generation_prompt: boolean;
  readonly ids: readonly number[];
  readonly assistant_mask: readonly number[];
}

describe.each(["bpe_llama3", "bpe_qwen"])("%s, against transformers", async (kind) => {
  const { chat }: { readonly chat: readonly ChatCase[] } = JSON.parse(
    await readFile(`${fixtures}${kind}/cases.json`, "utf8"),
  );
  const tokenizer = await loadTokenizer(`${fixtures}${kind}`);
  const whole = chat.filter(({ add_generation_prompt: isPrompt }) => !isPrompt);
  const answered = whole.filter(({ assistant_mask: mask }) => mask.includes(1));
  const unanswered = whole.filter(({ assistant_mask: mask }) => !mask.includes(1));

  it("has cases of each kind", () => {
    expect(answered.length).toBeGreaterThan(8);
    expect(unanswered.length).toBeGreaterThan(0);
  });

  it.each(answered)("$title: ids and mask", ({ messages, tools, ids, assistant_mask: mask }) => {
    const encoded = encodeChat(tokenizer, messages, { tools: tools ?? undefined });
    expect(encoded.ids).toEqual(ids);
    expect([...encoded.assistantMask]).toEqual(mask);
  });

  it.each(unanswered)("$title: nothing to learn", ({ messages }) => {
    expect(() => encodeChat(tokenizer, messages)).toThrow("no token is the assistant's");
  });

  it.each(chat.filter((entry) => entry.add_generation_prompt))(
    "$title: prompt",
    ({ messages, tools, ids }) => {
      expect(encodeChatPrompt(tokenizer, messages, { tools: tools ?? undefined })).toEqual(ids);
    },
  );
});

const talk = [
  { role: "user", content: "1+1?" },
  { role: "assistant", content: "2" },
  { role: "user", content: "why" },
  { role: "assistant", content: "just so" },
];

/** A fixture's tokenizer with another template. */
function withTemplate({ files }: Tokenizer, template: string, endToken?: string): Tokenizer {
  const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  const special = { bos_token: "<|begin_of_text|>", eos_token: endToken };
  const config = { chat_template: template, ...special };
  return createTokenizer(
    new Map([
      ["tokenizer.json", files.get("tokenizer.json") as Uint8Array],
      ["tokenizer_config.json", json(config)],
    ]),
  );
}
/** The text of each run of the mask's ones. */
function learned(tokenizer: Tokenizer, messages: readonly ChatMessage[]): readonly string[] {
  const { ids, assistantMask } = encodeChat(tokenizer, messages);
  const runs: number[][] = [];
  ids.forEach((id, index) => {
    if (assistantMask[index] !== 1) return;
    if (assistantMask[index - 1] !== 1) runs.push([]);
    runs[runs.length - 1]?.push(id);
  });
  return runs.map((run) => tokenizer.decode(run));
}

describe("templates without {% generation %}", async () => {
  const llama3 = await loadTokenizer(`${fixtures}bpe_llama3`);
  const chatMl =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}<|eot_id|>\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

  it("answers reach from the generation prompt to the end token", () => {
    expect(learned(withTemplate(llama3, chatMl), talk)).toEqual(["2<|eot_id|>", "just so<|eot_id|>"]);
  });

  it("answers without an end token end with their content", () => {
    const plain = chatMl.replace("<|eot_id|>", "");
    expect(learned(withTemplate(llama3, plain), talk)).toEqual(["2", "just so"]);
  });

  it("answers that are written otherwise once more follows", () => {
    const thinking =
      "{% for m in messages %}<{{ m.role }}>{% if loop.last and m.role == 'assistant' %}[think]{% endif %}{{ m.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
    expect(learned(withTemplate(llama3, thinking), talk)).toEqual([
      "2<|eot_id|>",
      "[think]just so<|eot_id|>",
    ]);
  });

  it("answers that begin with a thought only when they are to be generated", () => {
    const forced = chatMl.replace("<assistant>{% endif %}", "<assistant><think>{% endif %}");
    expect(learned(withTemplate(llama3, forced), talk)).toEqual(["2<|eot_id|>", "just so<|eot_id|>"]);
  });

  it("nothing after the end token that more turns would not bring", () => {
    const headed = `${chatMl.split("{% if add")[0]}<assistant>`; // asks for an answer, whether told to or not
    const last = talk.slice(0, 2);
    expect(learned(withTemplate(llama3, headed, "<|eot_id|>"), last)).toEqual(["2<|eot_id|>"]);
  });

  it("a prompt keeps the ids that it has on its own", async () => {
    // On its own "assistant\n" ends with one newline; together with the answer's own newline it would be one token.
    const lines =
      "{% for m in messages %}{{ m.role }}\n{{ m.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}assistant\n{% endif %}";
    const tokenizer = withTemplate(llama3, lines);
    const messages = [talk[0] as ChatMessage, { role: "assistant", content: "\n2" }];
    const { ids, assistantMask } = encodeChat(tokenizer, messages);
    const prompt = encodeChatPrompt(tokenizer, messages.slice(0, 1));
    expect(ids.slice(0, assistantMask.indexOf(1))).toEqual(prompt);
    expect(tokenizer.decode(ids)).toBe("user\n1+1?<|eot_id|>assistant\n\n2<|eot_id|>");
  });

  it("says so when the answers cannot be told", () => {
    const secret =
      "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}";
    expect(() => learned(withTemplate(llama3, secret), talk)).toThrow(
      "the chat template does not begin messages[1] as it begins an answer; mark its answers with {% generation %}",
    );
    const silent =
      "{% for m in messages %}{{ m.role }}{% endfor %}{% if add_generation_prompt %}assistant{% endif %}";
    expect(() => learned(withTemplate(llama3, silent), talk)).toThrow(
      "the chat template does not write messages[1] as an answer",
    );
  });
});

it("leaves answers of a prompt out of the mask", async () => {
  const { chat } = await loadTokenizer(`${fixtures}bpe_llama3`);
  const whole = chat?.encode(talk);
  const last = chat?.encode(talk, { firstAnswer: 1 });
  expect(last?.ids).toEqual(whole?.ids);
  const learnedAt = (mask: Uint8Array | undefined) =>
    [...(mask ?? [])].flatMap((bit, index) => (bit ? [index] : []));
  // "2" and its end token are two tokens.
  expect(learnedAt(last?.assistantMask)).toEqual(learnedAt(whole?.assistantMask).slice(2));
});

it("names the token that ends an answer", async () => {
  const llama3 = await loadTokenizer(`${fixtures}bpe_llama3`);
  expect(llama3.chat?.stopTokenId).toBe(658); // <|eot_id|>
  expect(withTemplate(llama3, "{{ messages[0].content }}").chat?.stopTokenId).toBeUndefined();
  const silent = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  expect(withTemplate(llama3, silent).chat?.stopTokenId).toBeUndefined();
});

describe("masks and starts that cannot be right", async () => {
  const llama3 = await loadTokenizer(`${fixtures}bpe_llama3`);
  const encode = (template: string) => () => encodeChat(withTemplate(llama3, template), talk);

  it("all zero: no answer is left", () => {
    expect(encode("{{ messages[0].content }}{% generation %}{% endgeneration %}")).toThrow(
      "no token is the assistant's: nothing stands in the chat template's {% generation %} block; put the answer and its end token there",
    );
  });

  it("all one: no prompt is left", () => {
    expect(encode("{% generation %}{{ messages[0].content }}{% endgeneration %}")).toThrow(
      "every token is the assistant's, so that no prompt is left",
    );
  });

  it("BOS twice", () => {
    expect(encode("{{ bos_token }}{{ bos_token }}a{% generation %}b{% endgeneration %}")).toThrow(
      "the conversation starts with BOS (id 654) twice; let either the chat template or the first message write it",
    );
    const twice = withTemplate(llama3, "{{ bos_token }}{{ messages[0].content }}");
    expect(() => encodeChatPrompt(twice, [{ role: "user", content: "<|begin_of_text|>hi" }])).toThrow(
      "starts with BOS (id 654) twice",
    );
  });
});
