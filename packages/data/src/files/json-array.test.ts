import { gzipSync } from "node:zlib";
import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { useDirectory } from "../../test/files.js";
import { readJsonArray } from "./json-array.js";

const directory = useDirectory();

async function read(file: string) {
  const rows: [number, unknown][] = [];
  for await (const { line, value } of readJsonArray(file)) rows.push([line, value]);
  return rows;
}

it("reads the objects of an array, each with the line where it starts", async () => {
  const text = '\ufeff[\n  {"a": 1},\r\n  {"b": [{"c": "]}\\"\\\\"}]},\n\n  {\n "d": {}\n}\n]\n';
  expect(await read(await directory.write("a.json", text))).toEqual([
    [2, { a: 1 }],
    [3, { b: [{ c: ']}"\\' }] }],
    [5, { d: {} }],
  ]);
  expect(await read(await directory.write("b.json.gz", gzipSync('[{"a":1},{"a":2}]')))).toEqual([
    [1, { a: 1 }],
    [1, { a: 2 }],
  ]);
  expect(await read(await directory.write("c.json", " [ ] "))).toEqual([]);
});

it("reads objects one after another, as some files of lines are called .json", async () => {
  expect(await read(await directory.write("a.json", '{"a":1}\n{"a":2}{"a":3}'))).toEqual([
    [1, { a: 1 }],
    [2, { a: 2 }],
    [2, { a: 3 }],
  ]);
});

it.each([1, 2, 3])("finds what JSON.parse finds, also across chunks of 64 KiB, seed %i", async (seed) => {
  const random = createRandom(seed);
  const characters = ['"', "\\", "{", "}", "[", "]", ",", "\n", "a", "é", "日", "😀"];
  const value = (depth: number): unknown => {
    const kind = random.integer(depth > 2 ? 2 : 4);
    if (kind === 0) return random.integer(1000);
    if (kind === 1)
      return Array.from({ length: random.integer(60) }, () => characters[random.integer(12)]).join("");
    const items = Array.from({ length: random.integer(4) }, () => value(depth + 1));
    return kind === 2 ? items : Object.fromEntries(items.map((item, index) => [`k${index}"`, item]));
  };
  const objects = Array.from({ length: 3000 }, (_, number) => ({ number, value: value(0) }));
  const file = await directory.write("a.json", JSON.stringify(objects, null, random.integer(3)));
  expect((await read(file)).map(([, row]) => row)).toEqual(objects);
});

it.each([
  ['[{"a":1},\n{"a":}]', ":2: the entry that starts here is not valid JSON"],
  ['[{"a":1}\n {"a":2}]', ':2: the file has "{" where "," or "]" belongs'],
  ['[{"a":1},\n]', ':2: the file has "]" where an object belongs'],
  ["[1]", ':1: the file has "1" where an object belongs'],
  ["text", ':1: the file has "t" where "[" or an object belongs'],
  ['[{"a":1}] x', ':1: the file has "x" where nothing more belongs'],
  ['[{"a":1},\n{"a":"', ":2: the entry that starts here does not end; the file is incomplete"],
  ['[{"a":1}\n', ':2: the file ends without "]"; it is incomplete'],
  ["", ": the file is empty"],
])("refuses %j", async (text, message) => {
  const file = await directory.write("a.json", text);
  await expect(read(file)).rejects.toMatchObject({ code: "DATA_INVALID" });
  await expect(read(file)).rejects.toThrow(`${file}${message}`);
});
