import { describe, expect, it } from "vitest";
import { useDirectory } from "../test/files.js";
import { readDemonstrations, readPrompts, readRankings, readTexts } from "./read.js";

const directory = useDirectory();

describe("readDemonstrations", () => {
  const read = async (...rows: object[]) =>
    readDemonstrations([await directory.writeRows("d.jsonl", ...rows)]);

  it("reads every format, and keeps the row with its other columns", async () => {
    const row = { prompt: "p", completion: "c", id: 7 };
    expect(await read(row)).toEqual([
      {
        kind: "completion",
        prompt: "p",
        completion: "c",
        row,
        origin: { file: directory.path("d.jsonl"), line: 1 },
      },
    ]);
    expect(await read({ text: "t" })).toMatchObject([{ kind: "text", text: "t" }]);
    const messages = [
      { role: "system", content: "s" },
      { role: "user", content: "u" },
      { role: "assistant", content: "a" },
    ];
    expect(await read({ messages })).toMatchObject([{ kind: "conversation", messages }]);
    expect(await read({ input_ids: [5, 6], labels: [-100, 6] }, { input_ids: [7] })).toMatchObject([
      { kind: "pretokenized", inputIds: Int32Array.of(5, 6), labels: Int32Array.of(-100, 6) },
      { kind: "pretokenized", inputIds: Int32Array.of(7), labels: undefined },
    ]);
  });

  it("reads prompts and completions of messages, and LLaMA-Factory's two shapes", async () => {
    const messages = [
      { role: "user", content: "u" },
      { role: "assistant", content: "a" },
    ];
    const [prompt, completion] = [messages.slice(0, 1), messages.slice(1)];
    const conversation = { kind: "conversation", messages };
    expect(await read({ prompt, completion })).toMatchObject([{ ...conversation, learnedFrom: 1 }]);
    const conversations = [
      { from: "human", value: "u" },
      { from: "gpt", value: "a" },
    ];
    expect(await read({ conversations })).toMatchObject([conversation]);
    expect(await read({ conversations, system: "s" })).toMatchObject([
      { messages: [{ role: "system", content: "s" }, ...messages] },
    ]);
    expect(await read({ instruction: "u", input: "", output: "a" })).toMatchObject([conversation]);
    const history = [["q", "r"]];
    expect(await read({ instruction: "u", input: "i", output: "a", history, system: "s" })).toMatchObject([
      {
        messages: [
          { role: "system", content: "s" },
          { role: "user", content: "q" },
          { role: "assistant", content: "r" },
          { role: "user", content: "u\ni" },
          { role: "assistant", content: "a" },
        ],
      },
    ]);
  });

  it("reads every kind of file", async () => {
    const csv = await directory.write("a.csv", "prompt,completion\np,c\n");
    const json = await directory.write("a.json", '[{"prompt": "p", "completion": "c"}]');
    for (const file of [csv, json])
      expect(await readDemonstrations([file])).toMatchObject([{ kind: "completion", completion: "c" }]);
    const missing = await directory.write("b.csv", "prompt,answer\np,c\n");
    await expect(readDemonstrations([missing])).rejects.toThrow(
      `${missing}:2: "completion" is missing for {prompt, completion}; the columns are [prompt, answer]: add it, or rename one`,
    );
  });

  it("takes prompt and completion where text stands too", async () => {
    expect(await read({ text: "pc", prompt: "p", completion: "c" })).toMatchObject([{ kind: "completion" }]);
  });

  it("passes over columns that are null, as exports of wider tables have them", async () => {
    const row = { prompt: "p", completion: null, messages: null, text: "t" };
    expect(await read(row)).toMatchObject([{ kind: "text", text: "t" }]);
  });

  it("lets files differ, but not the lines of one", async () => {
    const a = await directory.writeRows("a.jsonl", { text: "t" });
    const b = await directory.writeRows("b.jsonl", { prompt: "p", completion: "c" }, { text: "t" });
    await expect(readDemonstrations([a, b])).rejects.toThrow(
      `${b}:2: this line is {text}, but line 1 is {prompt, completion}; give each format its own file`,
    );
    const c = await directory.writeRows("c.jsonl", { prompt: "p", completion: "c" });
    expect((await readDemonstrations([a, c])).map(({ kind }) => kind)).toEqual(["text", "completion"]);
  });

  it.each([
    [{ prompt: "p", completion: "" }, '"completion" is empty; give a non-empty string or drop the line'],
    [{ prompt: "p", completion: 3 }, '"completion" is 3; give a string'],
    [{ prompt: ["p"], completion: "c" }, '"prompt"[0] is "p"; give {"role": .., "content": ..}'],
    [
      { prompt: [{ role: "user", content: "p" }], completion: "c" },
      'one of "prompt" and "completion" is a string and the other a list of messages',
    ],
    [
      { prompt: "p", completion: "c", label: false },
      '"label" is false, as in unpaired preferences, and a demonstration is always good',
    ],
    [{ instruction: "i", output: "o", history: [["a"]] }, '"history" is no list of pairs of texts'],
    [
      { conversations: [{ from: "function_call", value: "v" }] },
      '"conversations"[0].from is "function_call"; give "human", "gpt", "observation" or "system"',
    ],
    [
      { conversations: [{ from: "system", value: "v" }], system: "s" },
      '"conversations"[0] is a second system message, beside "system"; keep one',
    ],
    [
      { conversations: [{ from: "human", value: "v" }] },
      '"conversations" ends with the user; a demonstration ends with the assistant',
    ],
    [
      { prompt: "p", answer: "c" },
      '"completion" is missing for {prompt, completion}; the columns are [prompt, answer]: add it, or rename one',
    ],
    [{ text: null }, '"text" is null; give a string'],
    [
      { answer: "c" },
      "the columns are [answer]; give {prompt, completion}, {messages}, {input_ids, labels?}, {conversations}, {instruction, output} or {text}",
    ],
    [{ messages: [] }, '"messages" is empty; give at least one message or drop the line'],
    [{ messages: ["hi"] }, '"messages"[0] is "hi"; give {"role": .., "content": ..}'],
    [
      { messages: [{ role: "robot", content: "c" }] },
      '"messages"[0].role is "robot"; give "system", "user", "assistant" or "tool"',
    ],
    [{ messages: [{ role: "user" }] }, '"messages"[0].content is missing; give a string'],
    [
      { messages: [{ role: "user", content: "" }] },
      '"messages"[0].content is empty; give a non-empty string or drop the line',
    ],
    [
      { messages: [{ role: "user", content: "u" }] },
      '"messages" ends with the user; a demonstration ends with the assistant',
    ],
    [{ input_ids: [] }, '"input_ids" is empty; give at least one token id or drop the line'],
    [{ input_ids: [1, -2] }, '"input_ids"[1] is -2; give a whole number from 0'],
    [{ input_ids: [1.5] }, '"input_ids"[0] is 1.5; give a whole number from 0'],
    [{ input_ids: "abc" }, '"input_ids" is "abc"; give an array of token ids'],
    [
      { input_ids: [1, 2], labels: [1] },
      '"labels" has 1 entries and "input_ids" 2; give one label for each id',
    ],
    [{ input_ids: [1], labels: [-1] }, '"labels"[0] is -1; give a token id, or -100 for no loss'],
  ])("refuses %j", async (row, message) => {
    const file = directory.path("d.jsonl");
    await expect(read(row)).rejects.toThrow(`${file}:1: ${message}`);
  });

  it("refuses a file without records", async () => {
    const file = await directory.write("empty.jsonl", "\n\n");
    await expect(readDemonstrations([file])).rejects.toThrow(
      `${file}: no records; give rows of {prompt, completion}`,
    );
  });
});

describe("readRankings of messages", () => {
  const user = { role: "user", content: "u" };
  const reply = (content: string) => ({ role: "assistant", content });
  const ranking = {
    kind: "conversation-ranking",
    messages: [user],
    responses: [[reply("a")], [reply("b")]],
    ranks: [1, 2],
  };
  const read = async (row: object) => readRankings([await directory.writeRows("r.jsonl", row)]);

  it.each([
    ["preference", { prompt: [user], chosen: [reply("a")], rejected: [reply("b")] }],
    ["what both dialogues share", { chosen: [user, reply("a")], rejected: [user, reply("b")] }],
    ["ranking", { prompt: [user], responses: ["a", [reply("b")]], ranks: [1, 2] }],
    [
      "sharegpt",
      {
        conversations: [{ from: "human", value: "u" }],
        chosen: { from: "gpt", value: "a" },
        rejected: { from: "gpt", value: "b" },
      },
    ],
    ["alpaca", { instruction: "u", input: "", chosen: "a", rejected: "b" }],
  ])("%s", async (_, row) => expect(await read(row)).toMatchObject([ranking]));

  it.each([
    [
      { prompt: "p", chosen: [reply("a")], rejected: "b" },
      'one of "prompt" and "chosen" is a string and the other a list of messages',
    ],
    [
      { chosen: [user, reply("a")], rejected: [user, reply("a")] },
      'one of "chosen" and "rejected" is the start of the other, or both are the same',
    ],
    [
      { prompt: [user], chosen: [reply("a")], rejected: [reply("b"), user] },
      '"rejected" ends with the user; a response ends with the assistant',
    ],
    [
      { prompt: [user], responses: ["a", [{ role: "assistant" }]], ranks: [1, 2] },
      '"responses"[1][0].content is missing; give a string',
    ],
    [
      { conversations: [{ from: "human", value: "u" }], chosen: "a", rejected: "b" },
      '"chosen" is no message; give {"from": "gpt", "value": ..}',
    ],
  ])("refuses %j", async (row, message) => {
    await expect(read(row)).rejects.toThrow(`${directory.path("r.jsonl")}:1: ${message}`);
  });
});

describe("readPrompts and readTexts", () => {
  it("read prompts, whatever else the rows hold", async () => {
    const file = await directory.writeRows("p.jsonl", { prompt: "p", completion: "c" }, { prompt: "" });
    expect(await readPrompts([file])).toMatchObject([{ prompt: "p" }, { prompt: "" }]);
  });

  it("read conversations that wait for an answer", async () => {
    const file = await directory.writeRows("p.jsonl", { messages: [{ role: "user", content: "u" }] });
    expect(await readPrompts([file])).toMatchObject([{ kind: "conversation" }]);
    const answered = await directory.writeRows("q.jsonl", {
      messages: [{ role: "assistant", content: "a" }],
    });
    await expect(readPrompts([answered])).rejects.toThrow(
      `${answered}:1: "messages" ends with the assistant`,
    );
  });

  it("read texts only as texts", async () => {
    const file = await directory.writeRows("t.jsonl", { text: "t" }, { input_ids: [1] });
    await expect(readTexts([file])).rejects.toThrow(
      `${file}:2: this line is {input_ids, labels?}, but line 1 is {text}`,
    );
  });
});

describe("readRankings", () => {
  const read = async (...rows: object[]) => readRankings([await directory.writeRows("r.jsonl", ...rows)]);

  it.each([2, 3, 4, 5, 6, 7, 8, 9])("reads %i responses", async (count) => {
    const responses = Array.from({ length: count }, (_, index) => `r${index}`);
    const ranks = responses.map((_, index) => 1 + (index % 3));
    expect(await read({ prompt: "p", responses, ranks })).toMatchObject([
      { kind: "ranking", responses, ranks },
    ]);
    const inputIds = responses.map((_, index) => [index, 5]);
    expect(await read({ input_ids: inputIds, ranks })).toMatchObject([
      { kind: "pretokenized-ranking", inputIds: inputIds.map((ids) => Int32Array.from(ids)), ranks },
    ]);
  });

  it("reads preferences as rankings of two", async () => {
    expect(await read({ prompt: "p", chosen: "good", rejected: "" })).toMatchObject([
      { kind: "ranking", prompt: "p", responses: ["good", ""], ranks: [1, 2] },
    ]);
  });

  it.each([
    [
      "Human: hi\n\nAssistant: yes",
      "Human: hi\n\nAssistant: yet",
      "Human: hi\n\nAssistant:",
      [" yes", " yet"],
    ],
    ["a b c", "a b", "a b", [" c", ""]],
    ["one", "two", "", ["one", "two"]],
    ["same", "same", "same", ["", ""]],
  ])(
    "takes the prompt of %j and %j as what they share in whole words",
    async (chosen, rejected, prompt, responses) => {
      expect(await read({ chosen, rejected })).toMatchObject([{ prompt, responses, ranks: [1, 2] }]);
    },
  );

  it.each([
    [{ prompt: "p", responses: ["a"], ranks: [1] }, '"responses" has 1 entries; a ranking has 2 to 9'],
    [
      { prompt: "p", responses: Array.from("abcdefghij"), ranks: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
      '"responses" has 10 entries; a ranking has 2 to 9',
    ],
    [
      { prompt: "p", responses: ["a", "b"], ranks: [1] },
      '"ranks" has 1 entries and "responses" 2; give one rank for each',
    ],
    [{ prompt: "p", responses: ["a", 2], ranks: [1, 2] }, '"responses"[1] is 2; give a string'],
    [{ prompt: "p", responses: ["a", "b"], ranks: [1, "2"] }, '"ranks"[1] is "2"; give a number'],
    [{ input_ids: [[1], 2], ranks: [1, 2] }, '"input_ids"[1] is 2; give an array of token ids'],
    [
      { input_ids: [[1], []], ranks: [1, 2] },
      '"input_ids"[1] is empty; give at least one token id or drop the line',
    ],
    [{ prompt: "p", chosen: "c", rejected: {} }, '"rejected" is an object; give a string'],
    [{ prompt: "p", chosen: "c" }, "the columns are [prompt, chosen]; give {prompt, responses, ranks}"],
    [
      { prompt: "p", responses: ["a", "b"], ranks: [2, 2] },
      '"ranks" are all 2; a ranking needs two different ranks, else drop the line',
    ],
  ])("refuses %j", async (row, message) => {
    await expect(read(row)).rejects.toThrow(`${directory.path("r.jsonl")}:1: ${message}`);
  });

  it("leaves out and reports rankings that are all ties, where asked", async () => {
    const rows = [
      [1, 1],
      [1, 2],
      [3, 3],
    ].map((ranks) => ({ prompt: "p", responses: ["a", "b"], ranks }));
    const file = await directory.writeRows("r.jsonl", ...rows);
    const tied: number[] = [];
    const rankings = await readRankings([file], { onAllTied: ({ line }) => tied.push(line) });
    expect([rankings.map(({ origin }) => origin.line), tied]).toEqual([[2], [1, 3]]);
  });
});
