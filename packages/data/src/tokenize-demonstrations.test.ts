import { describe, expect, it } from "vitest";
import { bos, codes, createCharacterTokenizer, eos } from "../test/character-tokenizer.js";
import { type Demonstration, ignoredLabel, type Text } from "./records.js";
import {
  type TokenizeDemonstrationsOptions,
  tokenizeDemonstrations,
  tokenizeTexts,
} from "./tokenize-demonstrations.js";

const origin = { file: "d.jsonl", line: 17 };
const base = { origin, row: {} };
const completion = (prompt: string, text: string): Demonstration => ({
  kind: "completion",
  prompt,
  completion: text,
  ...base,
});
const text = (content: string): Text => ({ kind: "text", text: content, ...base });
const pretokenized = (inputIds: number[], labels?: number[]): Text => ({
  kind: "pretokenized",
  inputIds: Int32Array.from(inputIds),
  labels: labels && Int32Array.from(labels),
  ...base,
});
const tokenizer = createCharacterTokenizer();
const tokenize = (record: Demonstration, options: Partial<TokenizeDemonstrationsOptions> = {}) =>
  tokenizeDemonstrations([record], tokenizer, { maximumLength: 1000, ...options });
const idsAndLabels = (record: Demonstration, options: Partial<TokenizeDemonstrationsOptions> = {}) => {
  const { inputIds, labels } = tokenize(record, options).examples[0]!;
  return [Array.from(inputIds), Array.from(labels)];
};
const ignored = (count: number) => new Array<number>(count).fill(ignoredLabel);

describe("what is learned", () => {
  it("is the completion and its end token, not BOS and prompt", () => {
    expect(idsAndLabels(completion("hi", "yo"))).toEqual([
      [bos, ...codes("hiyo"), eos],
      [...ignored(3), ...codes("yo"), eos],
    ]);
  });

  it("is the prompt too, but not its first token, where asked", () => {
    expect(idsAndLabels(completion("hi", "yo"), { completionOnly: false })).toEqual([
      [bos, ...codes("hiyo"), eos],
      [ignoredLabel, ...codes("hiyo"), eos],
    ]);
    // Labels that are given say what is learned.
    expect(idsAndLabels(pretokenized([5, 6, 7], [-100, -100, 7]), { completionOnly: false })[1]).toEqual([
      ...ignored(2),
      7,
    ]);
  });

  it("holds the end token also where padding has the same id", () => {
    // The tokenizer's padding plays no part here: masks come from labels and lengths.
    expect(idsAndLabels(completion("h", "y"))[1]?.at(-1)).toBe(eos);
  });

  it("leaves the end token away where asked, and adds none to a completion that spells it out", () => {
    expect(idsAndLabels(completion("h", "y"), { appendEos: false })[0]).toEqual([bos, ...codes("hy")]);
    expect(idsAndLabels(completion("h", "y</s>"))[0]).toEqual([bos, ...codes("hy"), eos]);
  });

  it("is a whole text but its first token", () => {
    expect(idsAndLabels(text("hi"))).toEqual([
      [bos, ...codes("hi"), eos],
      [ignoredLabel, ...codes("hi"), eos],
    ]);
    const [ids, labels] = tokenizeDemonstrations([text("hi")], createCharacterTokenizer({ addBos: false }), {
      maximumLength: 9,
    }).examples.map(({ inputIds, labels: learned }) => [Array.from(inputIds), Array.from(learned)])[0]!;
    expect([ids, labels]).toEqual([
      [...codes("hi"), eos],
      [ignoredLabel, ...codes("i"), eos],
    ]);
  });

  it("is the assistant's part of a conversation, each reply with its end", () => {
    const [ids, labels] = idsAndLabels({
      kind: "conversation",
      messages: [
        { role: "system", content: "S" },
        { role: "user", content: "q" },
        { role: "assistant", content: "r" },
        { role: "user", content: "Q" },
        { role: "assistant", content: "R" },
      ],
      ...base,
    }) as [number[], number[]];
    expect(tokenizer.decode(ids)).toBe("<s>S\n\nUser: q\n\nAssistant: r</s>\n\nUser: Q\n\nAssistant: R</s>");
    expect(tokenizer.decode(labels.filter((label) => label !== ignoredLabel))).toBe(" r</s> R</s>");
    expect(ids.map((id, place) => labels[place] === ignoredLabel || labels[place] === id)).not.toContain(
      false,
    );
  });

  it("is not what the assistant says within a prompt", () => {
    const messages = [
      { role: "user", content: "q" },
      { role: "assistant", content: "r" },
      { role: "user", content: "Q" },
      { role: "assistant", content: "R" },
    ] as const;
    const [ids, labels] = idsAndLabels({ kind: "conversation", messages, learnedFrom: 3, ...base }) as [
      number[],
      number[],
    ];
    expect(tokenizer.decode(ids)).toBe("<s>User: q\n\nAssistant: r</s>\n\nUser: Q\n\nAssistant: R</s>");
    expect(tokenizer.decode(labels.filter((label) => label !== ignoredLabel))).toBe(" R</s>");
  });

  it("is what pretokenized labels say, or every token but the first", () => {
    expect(idsAndLabels(pretokenized([5, 6, 7], [5, -100, 7]))).toEqual([
      [5, 6, 7],
      [-100, -100, 7],
    ]);
    expect(idsAndLabels(pretokenized([5, 6, 7]))).toEqual([
      [5, 6, 7],
      [-100, 6, 7],
    ]);
  });
});

describe("records that are too long", () => {
  const records = [completion("h", "y"), completion("h", "y".repeat(9))]; // 4 and 12 tokens

  it("are an error", () => {
    expect(() => tokenizeDemonstrations(records, tokenizer, { maximumLength: 11 })).toThrow(
      'd.jsonl:17: 12 tokens do not fit into 11; allow more, or choose "truncate" or "drop" for what is too long',
    );
    expect(tokenizeDemonstrations(records, tokenizer, { maximumLength: 12 })).toMatchObject({
      truncated: 0,
      dropped: 0,
    });
  });

  it("are cut or dropped where asked, and counted", () => {
    const lengths = (tooLong: "drop" | "truncate") => {
      const result = tokenizeDemonstrations(records, tokenizer, { maximumLength: 11, tooLong });
      return [result.truncated, result.dropped, ...result.examples.map(({ inputIds }) => inputIds.length)];
    };
    expect(lengths("truncate")).toEqual([1, 0, 4, 11]);
    expect(lengths("drop")).toEqual([0, 1, 4]);
  });

  it("are an error where nothing of the completion is left", () => {
    expect(() => tokenize(completion("hello", "y"), { maximumLength: 6, tooLong: "truncate" })).toThrow(
      "d.jsonl:17: no token of the completion is left within 6 tokens; allow more tokens or drop what is too long",
    );
  });
});

describe("records that cannot be used", () => {
  it("teach nothing", () => {
    const message = "d.jsonl:17: no token is learned: all labels are -100, or there is a single token";
    expect(() => tokenize(pretokenized([5, 6], [-100, -100]))).toThrow(message);
    expect(() => tokenize(pretokenized([5, 6], [5, -100]))).toThrow(message); // nothing precedes the first
    expect(() => tokenize(pretokenized([5]))).toThrow(message);
  });

  it("start with BOS twice", () => {
    const message =
      "d.jsonl:17: the text starts with BOS (id 1) twice; the tokenizer adds it, so drop it from the text";
    expect(() => tokenize(completion("<s>h", "y"))).toThrow(message);
    expect(() => tokenize(pretokenized([bos, bos, 5]))).toThrow(message);
  });

  it("have ids beyond the vocabulary", () => {
    expect(() => tokenize(pretokenized([5, 6, 7]), { vocabularySize: 7 })).toThrow(
      "d.jsonl:17: token 2 has the id 7, but the vocabulary ends at 6; use the model's own tokenizer",
    );
  });

  it("are text without a tokenizer, while ids need none", () => {
    const options = { maximumLength: 9 };
    expect(() => tokenizeDemonstrations([text("hi")], undefined, options)).toThrow(
      "d.jsonl:17: text needs a tokenizer",
    );
    expect(tokenizeDemonstrations([pretokenized([5, 6])], undefined, options).examples).toHaveLength(1);
  });

  it("would never end", () => {
    const endless = createCharacterTokenizer({ eosTokenId: undefined });
    expect(() => tokenizeDemonstrations([text("hi")], endless, { maximumLength: 9 })).toThrow(
      "the tokenizer has no end token",
    );
    const options = { maximumLength: 9, appendEos: false };
    expect(tokenizeDemonstrations([text("hi")], endless, options).examples[0]?.inputIds).toHaveLength(3);
  });
});

describe("tokenizeTexts", () => {
  it("cuts long texts so that every token but the first is learned once", () => {
    const whole = [bos, ...codes("abcdefghij".replace("ab", "xy")), eos]; // 12 tokens
    const examples = tokenizeTexts([text("xycdefghij")], tokenizer, { maximumLength: 5 });
    expect(examples.map(({ inputIds }) => Array.from(inputIds))).toEqual([
      whole.slice(0, 5),
      whole.slice(4, 9),
      whole.slice(8, 12),
    ]);
    expect(examples.flatMap(({ labels }) => Array.from(labels.slice(1)))).toEqual(whole.slice(1));
    expect(examples.map(({ labels }) => labels[0])).toEqual([-100, -100, -100]);
  });

  it("makes no example of a single token", () => {
    // 5 tokens in examples of 3: [0, 1, 2], [2, 3, 4], and none that starts at 4.
    expect(tokenizeTexts([text("xyz")], tokenizer, { maximumLength: 3 })).toHaveLength(2);
  });

  it("takes texts of many tokens", () => {
    const examples = tokenizeTexts([text("x".repeat(300_000))], tokenizer, { maximumLength: 1001 });
    expect(examples).toHaveLength(301); // 300,001 learned tokens, 1,000 in each example
  });
});
