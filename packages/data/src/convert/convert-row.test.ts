import { describe, expect, it } from "vitest";
import type { JsonObject } from "../files/row.js";
import { convertRow, type StyleName } from "./convert-row.js";
import { type ShapeName, shapeNames } from "./shapes.js";

const convert = (value: JsonObject, shape: ShapeName, style?: StyleName) =>
  convertRow({ value, file: "f.jsonl", line: 3 }, { shape, style });

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const human = (value: string) => ({ from: "human", value });
const gpt = (value: string) => ({ from: "gpt", value });

/** One row of each shape; the right answers are told in two styles. */
const standard = {
  text: { text: "ab" },
  prompt: { prompt: "p" },
  completion: { prompt: "p", completion: " c" },
  preference: { prompt: "p", chosen: " c", rejected: " r" },
  unpaired: { prompt: "p", completion: " c", label: true },
  stepwise: { prompt: "p", completions: ["c", "d"], labels: [true, true] },
  ranking: { prompt: "p", responses: ["b", "a", "c"], ranks: [2, 1, 2] },
};
const conversational = {
  messages: { messages: [user("p"), assistant("c")] },
  prompt: { prompt: [user("p")] },
  completion: { prompt: [user("p")], completion: [assistant("c")] },
  preference: { prompt: [user("p")], chosen: [assistant("c")], rejected: [assistant("r")] },
  unpaired: { prompt: [user("p")], completion: [assistant("c")], label: true },
};
const alpaca = { instruction: "p", input: "", output: "c" };
const sharegpt = { conversations: [human("p"), gpt("c")] };

describe("strings become other shapes", () => {
  it.each<[keyof typeof standard, ShapeName, readonly object[]]>([
    ["completion", "language-modeling", [{ text: "p c" }]],
    ["completion", "prompt-only", [{ prompt: "p" }]],
    ["completion", "alpaca", [{ instruction: "p", input: "", output: " c" }]],
    ["completion", "sharegpt", [sharegpt]],
    ["preference", "language-modeling", [{ text: "p c" }]],
    ["preference", "prompt-completion", [standard.completion]],
    ["preference", "implicit-preference", [{ chosen: "p c", rejected: "p r" }]],
    ["preference", "ranking", [{ prompt: "p", responses: [" c", " r"], ranks: [1, 2] }]],
    [
      "preference",
      "unpaired-preference",
      [standard.unpaired, { prompt: "p", completion: " r", label: false }],
    ],
    ["preference", "alpaca", [{ instruction: "p", input: "", chosen: " c", rejected: " r" }]],
    ["preference", "sharegpt", [{ conversations: [human("p")], chosen: gpt("c"), rejected: gpt("r") }]],
    [
      "ranking",
      "preference",
      // The first and the third are tied.
      [
        { prompt: "p", chosen: "a", rejected: "b" },
        { prompt: "p", chosen: "a", rejected: "c" },
      ],
    ],
    ["ranking", "prompt-completion", [{ prompt: "p", completion: "a" }]],
    ["unpaired", "prompt-completion", [standard.completion]],
    ["unpaired", "alpaca", [{ instruction: "p", input: "", output: " c", kto_tag: true }]],
    ["unpaired", "sharegpt", [{ conversations: [human("p"), gpt("c")], kto_tag: true }]],
    ["stepwise", "prompt-completion", [{ prompt: "p", completion: "cd" }]],
    ["stepwise", "unpaired-preference", [{ prompt: "p", completion: "cd", label: true }]],
    ["prompt", "sharegpt", [{ conversations: [human("p")] }]],
  ])("%s as %s", (from, to, rows) => expect(convert(standard[from], to)).toEqual({ rows }));
});

describe("messages become other shapes", () => {
  it.each<[keyof typeof conversational, ShapeName, readonly object[]]>([
    ["messages", "prompt-completion", [conversational.completion]],
    ["messages", "prompt-only", [conversational.prompt]],
    ["messages", "alpaca", [alpaca]],
    ["messages", "sharegpt", [sharegpt]],
    ["completion", "language-modeling", [conversational.messages]],
    [
      "preference",
      "implicit-preference",
      [{ chosen: [user("p"), assistant("c")], rejected: [user("p"), assistant("r")] }],
    ],
    ["unpaired", "sharegpt", [{ ...sharegpt, kto_tag: true }]],
  ])("%s as %s", (from, to, rows) => expect(convert(conversational[from], to)).toEqual({ rows }));
});

describe("styles", () => {
  it("make messages of strings, and strings of messages", () => {
    expect(convert(standard.preference, "preference", "conversational")).toEqual({
      rows: [conversational.preference],
    });
    expect(convert(conversational.preference, "preference", "standard")).toEqual({
      rows: [{ prompt: "User: p\n\nAssistant:", chosen: " c", rejected: " r" }],
    });
    expect(convert(conversational.messages, "language-modeling", "standard")).toEqual({
      rows: [{ text: "User: p\n\nAssistant: c" }],
    });
  });

  it("cannot write what a tool says as text", () => {
    const messages = [user("p"), { role: "tool", content: "t" }, assistant("c")];
    expect(() => convert({ messages }, "language-modeling", "standard")).toThrow(
      "tools have no place in plain text",
    );
    expect(convert({ messages }, "sharegpt")).toEqual({
      rows: [{ conversations: [human("p"), { from: "observation", value: "t" }, gpt("c")] }],
    });
  });

  it("cannot make turns of a text", () => {
    expect(() => convert(standard.text, "language-modeling", "conversational")).toThrow(
      "f.jsonl:3: this row does not fit language-modeling: a text has no turns to make messages of",
    );
  });
});

describe("the same shape gives the same row", () => {
  const rows: readonly [ShapeName, object][] = [
    ["language-modeling", standard.text],
    ["language-modeling", conversational.messages],
    ["prompt-only", standard.prompt],
    ["prompt-only", conversational.prompt],
    ["prompt-completion", standard.completion],
    ["prompt-completion", conversational.completion],
    ["preference", standard.preference],
    ["preference", conversational.preference],
    ["implicit-preference", { chosen: "p c", rejected: "p r" }],
    ["implicit-preference", { chosen: [user("p"), assistant("c")], rejected: [user("p"), assistant("r")] }],
    ["unpaired-preference", standard.unpaired],
    ["unpaired-preference", conversational.unpaired],
    ["stepwise-supervision", standard.stepwise],
    ["ranking", standard.ranking],
    ["alpaca", { ...alpaca, system: "s", history: [["a", "b"]] }],
    ["alpaca", { instruction: "p", input: "", chosen: "c", rejected: "r" }],
    ["alpaca", { ...alpaca, kto_tag: false }],
    ["sharegpt", sharegpt],
    ["sharegpt", { conversations: [human("p")], chosen: gpt("c"), rejected: gpt("r") }],
    ["sharegpt", { ...sharegpt, kto_tag: false }],
  ];
  it.each(rows)("%s: %j", (shape, row) => expect(convert({ ...row }, shape)).toEqual({ rows: [row] }));
  it("for each shape", () => expect(new Set(rows.map(([shape]) => shape))).toEqual(new Set(shapeNames)));
});

it("keeps columns that belong to no format", () => {
  expect(convert({ ...standard.preference, margin: 0.5, user_id: 7 }, "ranking")).toEqual({
    rows: [{ prompt: "p", responses: [" c", " r"], ranks: [1, 2], margin: 0.5, user_id: 7 }],
  });
});

it("joins alpaca's instruction and input, as LLaMA-Factory does", () => {
  expect(convert({ instruction: "Add.", input: "2 + 3", output: "5" }, "prompt-completion")).toEqual({
    rows: [{ prompt: [user("Add.\n2 + 3")], completion: [assistant("5")] }],
  });
});

it.each<[object, ShapeName, string]>([
  [{ ...standard.unpaired, label: false }, "prompt-completion", "the response is labelled as bad"],
  [{ ...standard.stepwise, labels: [true, false] }, "language-modeling", "a step is labelled as wrong"],
  [{ ...standard.ranking, ranks: [1, 1, 1] }, "preference", "all responses are tied"],
])("leaves out %j for %s: %s", (row, shape, leftOut) => {
  expect(convert({ ...row }, shape)).toEqual({ leftOut });
});

it.each<[object, ShapeName, string]>([
  [standard.text, "prompt-completion", "the text is not divided into prompt and response"],
  [standard.prompt, "prompt-completion", "it is a prompt alone"],
  [standard.completion, "preference", "its responses are not compared with each other"],
  [standard.completion, "ranking", "its responses are not compared with each other"],
  [standard.completion, "unpaired-preference", "nothing says whether the response is good"],
  [standard.completion, "stepwise-supervision", "there are no labels of single steps"],
  [standard.ranking, "unpaired-preference", "of 3 ranked responses none is good or bad by itself"],
  [{ input_ids: [1, 2] }, "prompt-only", "it holds ids, no text"],
  [
    { messages: [user("a"), user("b"), assistant("c")] },
    "alpaca",
    "its messages do not take turns, a reply has several, or one of them calls tools",
  ],
  [
    { messages: [user("a"), { ...assistant("b"), tool_calls: [{ name: "f" }] }] },
    "sharegpt",
    "its messages do not take turns, a reply has several, or one of them calls tools",
  ],
])("refuses %j for %s", (row, shape, reason) => {
  expect(() => convert({ ...row }, shape)).toThrow(`f.jsonl:3: this row does not fit ${shape}: ${reason}`);
});
