/** The command with models and data of the Hub, which a server of this test stands for. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCli } from "../apps/cli/src/cli.js";
import { testTerminal } from "../apps/cli/src/testing/terminal.js";
import { type HubServer, serveHub } from "../packages/hub/test/hub-server.js";

const gpt2 = fileURLToPath(new URL("../packages/models/fixtures/models/gpt2", import.meta.url));

let directory: string;
let hub: HubServer;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-cli-hub-"));
  const names = (await readdir(gpt2)).filter((name) => /\.(safetensors|json)$/.test(name));
  const contents = await Promise.all(
    names.map(async (name) => [name, await readFile(join(gpt2, name))] as const),
  );
  hub = await serveHub([
    {
      place: "models/tiny/gpt2",
      commit: "a".repeat(40),
      revisions: ["main"],
      files: Object.fromEntries(contents),
    },
    {
      place: "datasets/tiny/data",
      commit: "b".repeat(40),
      revisions: ["main"],
      files: {
        "data/train-0.jsonl": '{"input_ids": [1, 2, 3]}\n',
        "data/train-1.jsonl": '{"input_ids": [4, 5, 6]}\n',
      },
    },
  ]);
});
afterAll(async () => {
  await hub.close();
  await rm(directory, { recursive: true });
});

async function run(...argv: readonly string[]) {
  const environment = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(directory, "home") };
  const terminal = testTerminal({ workingDirectory: directory, environment });
  const code = await runCli(argv, terminal);
  return { code, output: terminal.output(), messages: terminal.messages() };
}

it("reads a model and data, fetched once and told of", async () => {
  const score = ["score", "--model", "hf://tiny/gpt2", "--backend", "reference", "--data"];
  const { code, output, messages } = await run(...score, "hf://datasets/tiny/data/data/train-0.jsonl");
  expect(code, messages).toBe(0);
  expect(JSON.parse(output)).toMatchObject({ tokens: 2 });
  expect(messages).toMatch(/^hf:\/\/tiny\/gpt2: fetches model\.safetensors \(\d+(\.\d)? kB\)$/m);
  const again = await run(...score, "hf://datasets/tiny/data/data/train-0.jsonl");
  expect(again.output).toBe(output);
  expect(again.messages).not.toContain("fetches");
});

it("takes all files of a dataset where several may stand, and none of several where one is wanted", async () => {
  const { code, output } = await run(
    "data",
    "convert",
    "--input",
    "hf://datasets/tiny/data",
    "--output",
    "all.jsonl",
  );
  expect([code, output]).toEqual([0, "read     2\nwritten  2  all.jsonl\n"]);
  const { code: refused, messages } = await run(
    "data",
    "inspect",
    "--tokenizer",
    ".",
    "--data",
    "hf://datasets/tiny/data",
  );
  expect(refused).toBe(2);
  expect(messages).toContain("hf://datasets/tiny/data is 2 files, and one is wanted; name it");
});

it("finds them in a pipeline, too", async () => {
  const stage = {
    use: "sft",
    config: { train_files: ["hf://datasets/tiny/data"], max_steps: 1 },
    inputs: { init: { path: "hf://tiny/gpt2" } },
  };
  await writeFile(
    join(directory, "pipeline.yaml"),
    JSON.stringify({ backend: "reference", stages: [stage] }),
  );
  const { code, output, messages } = await run("run", "pipeline.yaml", "--dry-run");
  expect(code, messages).toBe(0);
  const files = ["train-0", "train-1"].map((name) =>
    join(directory, "home/hub/datasets--tiny--data/snapshots", "b".repeat(40), `data/${name}.jsonl`),
  );
  for (const file of files) expect(output).toContain(file);
  expect(output).toContain(join(directory, "home/hub/models--tiny--gpt2/snapshots", "a".repeat(40)));
});
