import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { shortest, writeRows } from "./rows-file.js";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-rows-"));
  path = join(directory, "out.jsonl");
});
afterEach(() => rm(directory, { recursive: true }));
const stdout = { write() {} };

it("gives the file its name when all rows are written", async () => {
  await writeRows(path, stdout, async (file) => {
    await file.write({ a: 1 });
    expect(await readdir(directory)).not.toContain("out.jsonl");
    await file.write({ a: 2 });
  });
  expect(await readFile(path, "utf8")).toBe('{"a":1}\n{"a":2}\n');
  expect(await readdir(directory)).toEqual(["out.jsonl"]);
});

it("leaves the old file, and nothing else, when the work fails", async () => {
  await writeFile(path, "old");
  const work = writeRows(path, stdout, async (file) => {
    await file.write({ a: 1 });
    throw new Error("halfway");
  });
  await expect(work).rejects.toThrow("halfway");
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(directory)).toEqual(["out.jsonl"]);
});

it("names a place that cannot be written", async () => {
  const nowhere = join(directory, "none", "out.jsonl");
  await expect(writeRows(nowhere, stdout, async () => {})).rejects.toThrow(
    `${nowhere}: cannot be written; there is no folder ${join(directory, "none")}`,
  );
});

it("writes a float32 in as few digits as bring it back", () => {
  // 0.1 as float32 is 0.100000001490116...
  const value = Math.fround(0.1);
  expect(shortest(value)).toBe(0.100000001);
  expect(Math.fround(shortest(value))).toBe(value);
});
