import { expect, it } from "vitest";
import { bos, codes, createCharacterTokenizer, eos } from "../test/character-tokenizer.js";
import type { Prompt } from "./records.js";
import { tokenizeDemonstrations } from "./tokenize-demonstrations.js";
import { tokenizePrompts } from "./tokenize-prompts.js";

const base = { origin: { file: "p.jsonl", line: 3 }, row: {} };
const prompt = (text: string): Prompt => ({ kind: "prompt", prompt: text, ...base });
const tokenizer = createCharacterTokenizer();
const idsOf = (record: Prompt, options: { maximumLength?: number; tooLong?: "truncate" } = {}) =>
  Array.from(tokenizePrompts([record], tokenizer, { maximumLength: 99, ...options }).prompts[0]!.inputIds);

it("has BOS in front and no end", () => {
  expect(idsOf(prompt("hi"))).toEqual([bos, ...codes("hi")]);
  expect(idsOf(prompt(""))).toEqual([bos]);
});

it("has the ids that the prompt has in a demonstration", () => {
  const messages = [
    { role: "user", content: "q" },
    { role: "assistant", content: "r" },
    { role: "user", content: "Q" },
  ] as const;
  const ids = idsOf({ kind: "conversation", messages, ...base });
  const answered = [...messages, { role: "assistant", content: "R" } as const];
  const { examples } = tokenizeDemonstrations(
    [{ kind: "conversation", messages: answered, ...base }],
    tokenizer,
    {
      maximumLength: 99,
    },
  );
  expect(Array.from(examples[0]!.inputIds)).toEqual([...ids, ...codes(" R"), eos]);
});

it("keeps BOS and the end of a prompt that is too long", () => {
  const options = { maximumLength: 3, tooLong: "truncate" } as const;
  expect(idsOf(prompt("hello"), options)).toEqual([bos, ...codes("lo")]);
  const ids = Int32Array.of(5, 6, 7, 8);
  expect(idsOf({ kind: "pretokenized", inputIds: ids, labels: undefined, ...base }, options)).toEqual([
    6, 7, 8,
  ]);
});

it("counts what it drops", () => {
  const records = [prompt("hi"), prompt("hello")];
  const { prompts, dropped, truncated } = tokenizePrompts(records, tokenizer, {
    maximumLength: 3,
    tooLong: "drop",
  });
  expect([prompts.length, dropped, truncated]).toEqual([1, 1, 0]);
  expect(prompts[0]?.record).toBe(records[0]);
});

it("refuses what cannot start a generation", () => {
  expect(() => tokenizePrompts([prompt("hello")], tokenizer, { maximumLength: 3 })).toThrow(
    "p.jsonl:3: 6 tokens do not fit into 3",
  );
  expect(() =>
    tokenizePrompts([prompt("")], createCharacterTokenizer({ addBos: false }), { maximumLength: 3 }),
  ).toThrow(
    "p.jsonl:3: the prompt is empty and the tokenizer adds no BOS; give at least one token or drop the line",
  );
  expect(() => idsOf(prompt("<s>hi"))).toThrow("p.jsonl:3: the text starts with BOS (id 1) twice");
});
