import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import type { FileRow, JsonObject } from "../files/row.js";
import { type DroppedRow, type KeptRow, type PrepareOptions, prepareRows } from "./prepare.js";

const options: PrepareOptions = {
  prefixLength: 4,
  userColumn: "user_id",
  maximumPerUser: 2,
  shares: { evaluation: 0, test: 0 },
  fewShot: { copies: 2, minimumShots: 1, maximumShots: 1 },
  findPersonalInformation: (text) => (text.includes("@") ? "at" : undefined),
  lengths: { countTokens: (text) => text.length, maximumPrompt: 6, maximumResponse: 3 },
  random: createRandom(1),
};

async function prepare(rows: readonly JsonObject[], changes: Partial<PrepareOptions> = {}) {
  async function* read(): AsyncGenerator<FileRow> {
    for (const [index, value] of rows.entries()) yield { value, file: "f.jsonl", line: index + 1 };
  }
  const kept: KeptRow[] = [];
  const dropped: DroppedRow[] = [];
  for await (const row of prepareRows(read, { ...options, ...changes }))
    "split" in row ? kept.push(row) : dropped.push(row);
  return { kept, dropped };
}

it("says of each row why it is left out, and where it stood", async () => {
  const rows = [
    { prompt: "abcd1" },
    { prompt: "abcd2", completion: "x" },
    { prompt: "a@" },
    { prompt: "1234567" },
    { prompt: "q", completion: "1234" },
    { prompt: "r", chosen: "1", rejected: "12345" },
    { messages: [{ role: "user", content: "m" }] },
  ];
  const { kept, dropped } = await prepare(rows, { lengths: { ...options.lengths!, maximumPrompt: 20 } });
  expect(kept.map(({ row }) => row)).toEqual([rows[0], rows[3], rows[6]]);
  const place = (line: number) => ({ file: "f.jsonl", line, row: rows[line - 1] });
  expect(dropped).toEqual([
    { reason: "duplicate", detail: "of f.jsonl:1", ...place(2) },
    { reason: "personal_information", detail: "at", ...place(3) },
    { reason: "response_too_long", detail: "4 tokens, more than 3", ...place(5) },
    { reason: "response_too_long", detail: "5 tokens, more than 3", ...place(6) },
  ]);
  expect((await prepare(rows)).dropped).toContainEqual({
    reason: "prompt_too_long",
    detail: "7 tokens, more than 6",
    ...place(4),
  });
});

it("looks for personal information in train only", async () => {
  const rows = [{ prompt: "a@" }];
  const { kept } = await prepare(rows, { shares: { evaluation: 1, test: 0 } });
  expect(kept).toEqual([{ split: "eval", row: rows[0], isWithoutUser: true }]);
});

it("counts for a user what is no duplicate", async () => {
  const rows = ["aaaa1", "aaaa2", "bbbb", "cccc", "dddd"].map((prompt) => ({ prompt, user_id: 7 }));
  const { kept, dropped } = await prepare([...rows, { prompt: "e" }]);
  // Of aaaa1, bbbb, cccc and dddd two stay; the row without a user is not counted.
  expect(kept.map(({ isWithoutUser }) => isWithoutUser)).toEqual([false, false, true]);
  expect(dropped.map(({ reason }) => reason).sort()).toEqual(["duplicate", "user_limit", "user_limit"]);
  expect(dropped.find(({ reason }) => reason === "user_limit")?.detail).toBe("more than 2 of user 7");
});

it("makes demonstrations of instructions, which are no duplicates of each other", async () => {
  const instances = ["a", "b", "c"].map((input) => ({ input, output: input.toUpperCase() }));
  const { kept } = await prepare([{ instruction: "Say it loud", instances, user_id: "u", topic: 3 }], {
    lengths: undefined,
  });
  expect(kept).toHaveLength(2);
  for (const { row } of kept) {
    expect(Object.keys(row)).toEqual(["user_id", "topic", "prompt", "completion"]);
    expect(row.prompt).toMatch(/^Say it loud\n\nInput: .\nOutput: .\n\nInput: .\nOutput:$/);
  }
});

it.each([1, 2, 3])("loses no row, divides by user, and gives the same again: seed %i", async (seed) => {
  const random = createRandom(seed);
  const rows = Array.from({ length: 400 }, (_, id) => ({
    id,
    prompt: `${random.integer(10)}${random.integer(10)}${random.integer(10)}${random.integer(30)}`,
    user_id: `u${random.integer(60)}`,
  }));
  const changes = { prefixLength: 5, shares: { evaluation: 0.3, test: 0.3 }, maximumPerUser: 5, random };
  const { kept, dropped } = await prepare(rows, changes);
  const ids = [...kept, ...dropped].map(({ row }) => row.id as number);
  expect(ids.sort((a, b) => a - b)).toEqual(rows.map(({ id }) => id));
  const splits = new Map<unknown, Set<string>>();
  for (const { row, split } of kept)
    splits.set(row.user_id, (splits.get(row.user_id) ?? new Set()).add(split));
  expect([...splits.values()].every((names) => names.size === 1)).toBe(true);
  expect(new Set(kept.map(({ split }) => split)).size).toBe(3);
  expect(new Set(kept.map(({ row }) => row.prompt)).size).toBe(kept.length);
  expect(await prepare(rows, changes)).toEqual({ kept, dropped });
});

describe("refuses", () => {
  it.each([
    [{ question: "q" }, "f.jsonl:1: the columns are [question]; give {prompt, responses, ranks}"],
    [{ prompt: "p", user_id: ["a"] }, '"user_id" is ["a"]; give a string or a number that names the user'],
    [{ instruction: "i", instances: [] }, '"instances" is empty; give at least one or drop the line'],
    [{ instruction: "i", instances: [{ input: "a" }] }, '"instances"[0].output is missing; give a string'],
  ])("%j", async (row, message) => {
    await expect(prepare([row])).rejects.toThrow(message);
  });

  it("shares that make no split", async () => {
    await expect(prepare([], { shares: { evaluation: 0.7, test: 0.4 } })).rejects.toThrow(
      "eval 0.7 and test 0.4 are not parts of 1",
    );
  });

  it("data that change between the two readings", async () => {
    let length = 2;
    async function* read(): AsyncGenerator<FileRow> {
      for (let line = 1; line <= length; line++)
        yield { value: { prompt: `p${line}` }, file: "f.jsonl", line };
      length++;
    }
    const reading = (async () => {
      for await (const _ of prepareRows(read, options));
    })();
    await expect(reading).rejects.toThrow("f.jsonl: changed while it was read");
  });
});
