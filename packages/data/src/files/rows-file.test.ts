import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { useDirectory } from "../../test/files.js";
import { readRows } from "./read-rows.js";
import type { JsonObject } from "./row.js";
import { createRowsFile } from "./rows-file.js";

const directory = useDirectory();

async function write(name: string, rows: readonly JsonObject[]): Promise<string> {
  const path = directory.path(name);
  const file = await createRowsFile(path);
  try {
    for (const row of rows) await file.write(row);
    await file.keep();
  } catch (error) {
    await file.discard();
    throw error;
  }
  return path;
}

async function read(path: string): Promise<readonly JsonObject[]> {
  const rows: JsonObject[] = [];
  for await (const { value } of readRows(path)) rows.push(value);
  return rows;
}

const rows = [
  {
    prompt: 'a, "b"\nc ',
    completion: " d",
    messages: [
      { role: "user", content: "é\r\n日" },
      { role: "assistant", content: "x" },
    ],
    ranks: [1, 2],
    labels: [true, false],
    label: true,
    margin: 0.5,
  },
  { prompt: "", completion: "[1]", messages: [], ranks: [3], labels: [], label: false, margin: null },
];

const kinds = ["jsonl", "json", "csv", "parquet", "jsonl.gz", "json.gz", "csv.gz"];

it.each(kinds)("reads what it wrote, whatever the rows hold: %s", async (kind) => {
  expect(await read(await write(`a.${kind}`, rows))).toEqual(rows);
  expect(await readdir(directory.path(""))).toEqual([`a.${kind}`]);
});

it.each(kinds)("writes more rows than are held at once, in order: %s", async (kind) => {
  const many = Array.from({ length: 12_001 }, (_, number) => ({
    number: String(number),
    text: "x".repeat(20),
  }));
  expect(await read(await write(`a.${kind}`, many))).toEqual(many);
});

it("writes lists of messages in parquet as lists, not as text", async () => {
  const { parquetMetadata, parquetSchema } = await import("hyparquet");
  const bytes = await readFile(await write("a.parquet", rows));
  const schema = parquetSchema(
    parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
  );
  const messages = schema.children.find(({ element }) => element.name === "messages");
  expect(messages?.element.converted_type).toBe("LIST");
  const fields = messages?.children[0]?.children[0]?.children.map(({ element }) => element.name);
  expect(fields).toEqual(["role", "content"]);
});

describe("leaves nothing", () => {
  it.each([
    ["a.csv", [{ a: "1" }, { a: "1", b: "2" }], 'row 2 has the column "b", which row 1 lacks; write .jsonl'],
    [
      "a.parquet",
      [{ a: "1" }, { a: 2 }],
      '"a" holds a text and a number at row 2; parquet has one type a column',
    ],
    ["a.parquet", [], "no rows, and parquet needs columns"],
  ])("of %s when %j cannot be written", async (name, rows, message) => {
    await expect(write(name, rows)).rejects.toThrow(`${directory.path(name)}: ${message}`);
    expect(await readdir(directory.path(""))).toEqual([]);
  });

  it("of a parquet file whose later rows are of another type", async () => {
    const many = Array.from({ length: 5001 }, (_, number) =>
      number === 5000 ? { a: "x", b: "y" } : { a: "x" },
    );
    await expect(write("a.parquet", many)).rejects.toThrow(
      '"b" has other values from row 5001 on than in the first 5000; write .jsonl, or sort such rows to the front',
    );
  });

  it.each(["a.txt", "a", "a.parquet.gz"])("of %s, a kind that is not known", async (name) => {
    await expect(write(name, rows)).rejects.toThrow(
      "the kind of file cannot be written; give .jsonl, .ndjson, .json, .csv",
    );
  });

  it("where the folder is not there", async () => {
    const none = directory.path("none");
    await expect(write("none/a.jsonl", rows)).rejects.toThrow(
      `${join(none, "a.jsonl")}: cannot be written; there is no folder ${none}; make it first`,
    );
  });
});

it("says which kinds of file can be read", () => {
  expect(() => readRows("a.txt")).toThrow(
    "a.txt: the kind of file is not known; give .jsonl, .ndjson, .json, .csv, .parquet, or one of them with .gz",
  );
});
