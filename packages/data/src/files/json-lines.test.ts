import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { useDirectory } from "../../test/files.js";
import { readJsonLines } from "./json-lines.js";
import type { FileRow } from "./row.js";

const directory = useDirectory();
const read = async (file: string) => {
  const lines: FileRow[] = [];
  for await (const line of readJsonLines(file)) lines.push(line);
  return lines;
};
const brief = (lines: readonly FileRow[]) => lines.map(({ value, line }) => [line, value.a]);

it("numbers lines from 1 and passes over blank ones, CR, and a byte order mark", async () => {
  const file = await directory.write("a.jsonl", '\ufeff{"a":1}\r\n\r\n  \n{"a":2}\r\n{"a":3}');
  expect(brief(await read(file))).toEqual([
    [1, 1],
    [4, 2],
    [5, 3],
  ]);
  expect((await read(file))[0]?.file).toBe(file);
});

it("ends lines at LF only, since JSON strings may hold other separators", async () => {
  const file = await directory.write("a.jsonl", '{"a":"x\u2028y\u2029z\u0085"}\n{"a":2}\n');
  expect(brief(await read(file))).toEqual([
    [1, "x\u2028y\u2029z\u0085"],
    [2, 2],
  ]);
});

it("joins lines and characters that chunks cut in two", async () => {
  // Lines of 3 bytes a character over several 64 KiB chunks.
  const text = "日".repeat(50_000);
  const file = await directory.write("a.jsonl", `{"a":"${text}"}\n{"a":"${text}x"}\n`);
  expect(brief(await read(file))).toEqual([
    [1, text],
    [2, `${text}x`],
  ]);
});

it("reads gzip, in several members too", async () => {
  const members = [gzipSync('{"a":1}\n{"a"'), gzipSync(":2}\n")];
  const file = await directory.write("a.jsonl.gz", Buffer.concat(members));
  expect(brief(await read(file))).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

it("gives the line at which gzip data are cut short, after the lines before it", async () => {
  // Not compressed, so that 80 bytes of the 120 hold whole lines for certain: lines 1 to 8 of 8 bytes each.
  const whole = gzipSync(Array.from({ length: 10 }, (_, index) => `{"a":${index}}\n`).join(""), { level: 0 });
  const file = await directory.write("cut.jsonl.gz", whole.subarray(0, 10 + 5 + 8 * 8 + 2));
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { line } of readJsonLines(file)) seen.push(line);
  })();
  await expect(reading).rejects.toThrow(
    `${file}:9: the gzip data end here too early; the file is incomplete`,
  );
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

it.each([
  ["bad JSON", '{"a":1}\n{"a":}\n', ":2: the line is not valid JSON"],
  ["a second value", '{"a":1}\n\n{"a":1}{}\n', ":3: the line is not valid JSON"],
  ["an array", "[1]\n", ":1: the line is an array; give one JSON object a line"],
  ["null", "null\n", ":1: the line is null; give one JSON object a line"],
  ["a string", '"a"\n', ":1: the line is a string; give one JSON object a line"],
  [
    "no UTF-8",
    Buffer.from([0x7b, 0x7d, 0x0a, 0xff, 0x0a]),
    ":2: the line is not valid UTF-8; save the file as UTF-8",
  ],
])("names the line of %s", async (_, content, message) => {
  const file = await directory.write("a.jsonl", content);
  await expect(read(file)).rejects.toMatchObject({ code: "DATA_INVALID" });
  await expect(read(file)).rejects.toThrow(`${file}${message}`);
});

it("names files that cannot be read", async () => {
  await expect(read(directory.path("none.jsonl"))).rejects.toThrow(
    `${directory.path("none.jsonl")}: no such file`,
  );
  await expect(read(directory.path("none.jsonl.gz"))).rejects.toThrow("none.jsonl.gz: no such file");
  await expect(read(directory.path(""))).rejects.toThrow("this is a directory, not a file");
  const file = await directory.write("plain.jsonl.gz", '{"a":1}\n');
  await expect(read(file)).rejects.toThrow(`${file}:1: the gzip data are damaged (incorrect header check)`);
});
