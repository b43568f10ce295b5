/** `alignkit data`: from files to files. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shapeNames } from "@alignkit/data";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli } from "../apps/cli/src/cli.js";
import { shapeChoices } from "../apps/cli/src/commands/data-convert.js";
import { testTerminal } from "../apps/cli/src/testing/terminal.js";

const tokenizer = fileURLToPath(new URL("../packages/tokenizer/fixtures/bpe_gpt2", import.meta.url));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-cli-data-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function run(...argv: readonly string[]) {
  return runWith({}, ...argv);
}

async function runWith(options: Partial<Parameters<typeof testTerminal>[0]>, ...argv: readonly string[]) {
  const terminal = testTerminal({ workingDirectory: directory, ...options });
  const code = await runCli(["data", ...argv], terminal);
  const withoutFolder = (text: string) => text.replaceAll(`${directory}/`, "");
  return { code, output: withoutFolder(terminal.output()), messages: withoutFolder(terminal.messages()) };
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

describe("convert", () => {
  const demonstrations = [
    { prompt: "2 + 3?", completion: " 5", id: "a" },
    { prompt: 'a, "b"\n', completion: " c", id: "b" },
  ];

  it("takes rows from one kind of file to another and back", async () => {
    await writeRows("a.jsonl", demonstrations);
    const kinds = ["a.jsonl", "b.csv", "c.parquet", "d.json.gz", "e.csv.gz", "f.jsonl"];
    for (const [index, output] of kinds.slice(1).entries()) {
      const {
        code,
        output: shown,
        messages,
      } = await run("convert", "--input", kinds[index]!, "--output", output);
      expect([code, messages]).toEqual([0, ""]);
      expect(shown).toBe(`read     2\nwritten  2  ${output}\n`);
    }
    expect(await readRows("f.jsonl")).toEqual(demonstrations);
  });

  it("changes the shape, and counts what has no place in it", async () => {
    await writeRows("in.jsonl", [
      { prompt: "p", completion: " good", label: true },
      { prompt: "p", completion: " bad", label: false },
    ]);
    const convert = ["convert", "--input", "in.jsonl", "--output", "out.jsonl"];
    const { output } = await run(...convert, "--to", "prompt-completion", "--style", "conversational");
    expect(output).toBe(
      "read      2\nwritten   1  out.jsonl\nleft out  1  the response is labelled as bad\n",
    );
    expect(await readRows("out.jsonl")).toEqual([
      { prompt: [{ role: "user", content: "p" }], completion: [{ role: "assistant", content: "good" }] },
    ]);
    const { code, messages } = await run(...convert, "--to", "ranking");
    expect(code).toBe(2);
    expect(messages).toContain("in.jsonl:1: this row does not fit ranking: its responses are not compared");
    // What was there before stays.
    expect(await readRows("out.jsonl")).toHaveLength(1);
  });

  it("mixes files by weight, the same for the same seed", async () => {
    for (const name of ["a", "b"])
      await writeRows(
        `${name}.jsonl`,
        Array.from({ length: 400 }, (_, id) => ({ text: `${name}${id}` })),
      );
    const mix = ["convert", "--input", "a.jsonl", "b.jsonl", "--weights", "3", "1", "--output"];
    await run(...mix, "x.jsonl", "--seed", "5");
    await run(...mix, "y.jsonl", "--seed", "5");
    const texts = (await readRows("x.jsonl")).map(({ text }) => text as string);
    expect((await readRows("y.jsonl")).map(({ text }) => text)).toEqual(texts);
    // All 400 of a, and a third as many of b; standard deviation sqrt(400 / 0.75 * 0.25 / 0.75) = 13.
    expect(texts.filter((text) => text.startsWith("a"))).toHaveLength(400);
    expect(Math.abs(texts.length - 533)).toBeLessThan(60);
    const { code, messages } = await run(
      "convert",
      "--input",
      "a.jsonl",
      "--weights",
      "1",
      "1",
      "--output",
      "z.jsonl",
    );
    expect(code).toBe(2);
    expect(messages).toContain("--weights has 2 numbers and --input 1 files; give one for each");
  });

  it("knows the shapes of the library", () => expect(shapeChoices).toEqual(shapeNames));
});

describe("inspect", () => {
  const inspect = (data: string, ...flags: readonly string[]) =>
    ["inspect", "--data", data, "--tokenizer", tokenizer, ...flags] as const;

  it("marks what is learned, what is masked and what is padding", async () => {
    await writeRows("in.jsonl", [
      {
        messages: [
          { role: "user", content: "the\u001b[31m" },
          { role: "assistant", content: "and\nthe" },
        ],
      },
      { prompt: "the", completion: " and" },
    ]);
    const refused = await run(...inspect("in.jsonl"));
    expect(refused.messages).toBe("");
    expect(refused.output).toMatchInlineSnapshot(`
      "a batch of demonstrations, [2, 21] tokens
      + learned, - masked, . padding

      in.jsonl:1  21 tokens, 4 learned
        - User: the\\x1b[31m\\n
        - \\n
        - Assistant:
        +  and\\n
        + the<|endoftext|>

      in.jsonl:2  3 tokens, 2 learned
        - the
        +  and<|endoftext|>
        . 18 tokens of padding
      "
    `);
  });

  it("shows tokens one a line, from the row that is asked for", async () => {
    await writeRows("in.jsonl", [{ prompt: "the" }, { prompt: "and the" }]);
    const { output } = await run(...inspect("in.jsonl", "--skip", "1", "--tokens"));
    expect(output).toMatchInlineSnapshot(`
      "a batch of prompts, [1, 3] tokens
      - prompt, . padding on the left

      in.jsonl:2  3 tokens
        -     605 "an"
        -      67 "d"
        -     262 " the"
      "
    `);
  });

  it("shows each response of a ranking with the token of its score", async () => {
    await writeRows("in.jsonl", [{ prompt: "the", chosen: " and", rejected: "" }]);
    expect((await run(...inspect("in.jsonl"))).output).toMatchInlineSnapshot(`
      "a batch of rankings, [2, 3] tokens
      + the token at which the response is scored, - all before it, . padding

      in.jsonl:1  rank 1, 3 tokens
        - the and
        + <|endoftext|>

      in.jsonl:1  rank 2, 2 tokens
        - the
        + <|endoftext|>
        . 1 tokens of padding
      "
    `);
  });

  it("has colors on a terminal, unless NO_COLOR is set", async () => {
    await writeRows("in.jsonl", [{ prompt: "the", completion: " and" }]);
    const colored = await runWith({ isTTY: true }, ...inspect("in.jsonl"));
    expect(colored.output).toContain("\u001b[32m  + ");
    const plain = await runWith({ isTTY: true, environment: { NO_COLOR: "1" } }, ...inspect("in.jsonl"));
    expect(plain.output).not.toContain("\u001b");
  });

  it.each([
    [
      [{ prompt: "p", completion: "c", label: true }],
      "in.jsonl:1: no stage trains on unpaired-preference rows as they are",
    ],
    [
      [{ prompt: "p" }, { text: "t" }],
      "in.jsonl:2: this row is one of demonstrations, but the first is one of prompts",
    ],
    [[{ question: "q" }], "in.jsonl:1: the columns are [question]; give "],
  ])("refuses %j", async (rows, message) => {
    await writeRows("in.jsonl", rows);
    const { code, messages } = await run(...inspect("in.jsonl"));
    expect(code).toBe(2);
    expect(messages).toContain(message);
  });
});
