import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { useDirectory } from "../../test/files.js";
import { readCsv } from "./csv.js";

const directory = useDirectory();

async function read(file: string) {
  const rows: [number, unknown][] = [];
  for await (const { line, value } of readCsv(file)) rows.push([line, value]);
  return rows;
}

it("reads quoted cells with commas, quotes and line breaks, and counts lines", async () => {
  const text = '\ufeffprompt,completion\r\n"a, ""b""",c\r\n"two\nlines",d\n\ne,\n';
  const rows = [
    [2, { prompt: 'a, "b"', completion: "c" }],
    [3, { prompt: "two\nlines", completion: "d" }],
    [6, { prompt: "e", completion: "" }],
  ];
  expect(await read(await directory.write("a.csv", text))).toEqual(rows);
  expect(await read(await directory.write("a.csv.gz", gzipSync(text)))).toEqual(rows);
});

it("reads columns that are no texts as JSON, and messages in any column", async () => {
  const text = [
    "prompt,ranks,label,text",
    '"[{""role"": ""user"", ""content"": ""hi""}]","[1, 2]",True,"[1, 2]"',
    'null,,false,"{}"',
  ];
  expect(await read(await directory.write("a.csv", text.join("\n")))).toEqual([
    [2, { prompt: [{ role: "user", content: "hi" }], ranks: [1, 2], label: true, text: "[1, 2]" }],
    [3, { prompt: "null", ranks: null, label: false, text: "{}" }],
  ]);
});

it.each([
  [
    "a,b\n1,2\n1,2,3\n",
    ':3: the row has 3 cells and the header 2 ("a", "b"); quote cells that hold commas or line breaks',
  ],
  ['a,b\n1,"2\n', ":2: a cell that starts with a quote does not end"],
  ['a,b\n"1"2,3\n', ":2: text follows the closing quote of a cell"],
  ['a,b\n1"2,3\n', ":2: a quote stands within a cell without quotes"],
  ["a,a\n1,2\n", ':1: the column "a" is there twice; give each column its own name'],
  ["ranks\n1;2\n", ':2: "ranks" is 1;2; give JSON, for example [1, 2] or true'],
  [Buffer.from([0x61, 0x0a, 0xff, 0x0a]), ":1: here or soon after the text is not valid UTF-8"],
])("refuses %j", async (text, message) => {
  const file = await directory.write("a.csv", text);
  await expect(read(file)).rejects.toMatchObject({ code: "DATA_INVALID" });
  await expect(read(file)).rejects.toThrow(`${file}${message}`);
});

it("names a file that is not there", async () => {
  await expect(read(directory.path("none.csv"))).rejects.toThrow("none.csv: no such file");
});
