/** `alignkit data`: from files to files. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../apps/cli/src/cli.js";
import { testTerminal } from "../apps/cli/src/testing/terminal.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-cli-data-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function run(...argv: readonly string[]) {
  const terminal = testTerminal({ workingDirectory: directory });
  const code = await runCli(["data", ...argv], terminal);
  return { code, output: terminal.output(), messages: terminal.messages() };
}

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const writeRows = (name: string, rows: readonly object[]) => writeFile(join(directory, name), lines(rows));
const readRows = async (name: string) =>
  (await readFile(join(directory, name), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("prepare", () => {
  it("writes what is kept by split and what is dropped with its reason, and counts both", async () => {
    const long = "Tell me a story about ".repeat(10);
    const rows = [
      { prompt: `${long} a fox`, user_id: 1 },
      { prompt: `${long} a dog`, user_id: 2 },
      { prompt: "Write to me@example.org", user_id: 3 },
      ...[1, 2, 3].map((number) => ({ prompt: `Count to ${number}`, user_id: "many" })),
      { prompt: "Who am I?" },
    ];
    await writeRows("in.jsonl", rows);
    const prepare = ["prepare", "--input", "in.jsonl", "--eval-share", "0", "--max-per-user", "2"];
    const { code, output, messages } = await run(...prepare, "--output", "out");
    expect(messages).toBe(
      '1 of 4 rows have no "user_id": each is a user of its own, and not capped\n' +
        "lengths are not limited: there is no --tokenizer to count tokens\n",
    );
    expect(code).toBe(0);
    expect(output).toBe(
      [
        "read                    7",
        "train                   4  out/train.jsonl",
        "eval                    0",
        "test                    0",
        "dropped                 3  out/dropped.jsonl",
        "  duplicate             1",
        "  user_limit            1",
        "  personal_information  1  e-mail address 1\n",
      ].join("\n"),
    );
    expect((await readdir(join(directory, "out"))).sort()).toEqual(["dropped.jsonl", "train.jsonl"]);
    const dropped = await readRows("out/dropped.jsonl");
    expect(dropped[0]).toEqual({
      reason: "duplicate",
      detail: `of ${join(directory, "in.jsonl")}:1`,
      file: join(directory, "in.jsonl"),
      line: 2,
      row: rows[1],
    });
    expect(dropped.map(({ reason }) => reason)).toEqual(["duplicate", "personal_information", "user_limit"]);

    const again = await run(...prepare, "--output", "out");
    expect(again.code).toBe(2);
    expect(again.messages).toContain("out: holds train.jsonl already; choose another directory");
    await run(...prepare, "--output", "same");
    expect(await readRows("same/train.jsonl")).toEqual(await readRows("out/train.jsonl"));
  });

  it("takes a filter of the user's", async () => {
    await writeFile(
      join(directory, "filter.mjs"),
      'export default async (text) => text.includes("fox") ? "a fox" : undefined;',
    );
    await writeRows("in.jsonl", [{ prompt: "a fox" }, { prompt: "a dog" }]);
    const prepare = ["prepare", "--input", "in.jsonl", "--output", "out", "--eval-share", "0"];
    const { output } = await run(...prepare, "--personal-information", "filter.mjs");
    expect(output).toContain("personal_information  1  a fox 1\n");
    const { code, messages } = await run(...prepare, "--output", "b", "--personal-information", "none.mjs");
    expect(code).toBe(2);
    expect(messages).toContain("--personal-information none.mjs: cannot be imported");
  });

  it("leaves nothing when a row is wrong", async () => {
    await writeRows("in.jsonl", [{ prompt: "a" }, { question: "b" }]);
    const { code, messages } = await run("prepare", "--input", "in.jsonl", "--output", "out");
    expect(code).toBe(2);
    expect(messages).toContain("in.jsonl:2: the columns are [question]; give ");
    expect(await readdir(join(directory, "out"))).toEqual([]);
  });
});
