/** `score`, `generate` and `chat`: their rows, and their numbers against PyTorch's. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom } from "@alignkit/core";
import {
  createModelConfig,
  initializeParameters,
  readModelDirectory,
  writeModelDirectory,
} from "@alignkit/models";
import { loadTokenizer } from "@alignkit/tokenizer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../apps/cli/src/cli.js";
import { testTerminal } from "../apps/cli/src/testing/terminal.js";
import { array, expectClose, type ReferenceModel, readReferenceModel } from "./reference-model.js";

const gpt2 = fileURLToPath(new URL("../packages/models/fixtures/models/gpt2", import.meta.url));
const tokenizerDirectory = fileURLToPath(new URL("../packages/tokenizer/fixtures/bpe_gpt2", import.meta.url));

let directory: string;
let reference: ReferenceModel;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-cli-models-"));
  reference = await readReferenceModel("gpt2");
  const { files, bosTokenId, eosTokenId } = await loadTokenizer(tokenizerDirectory);
  const config = createModelConfig({
    model_type: "gpt2",
    vocab_size: 620,
    n_positions: 40,
    n_embd: 8,
    n_layer: 1,
    n_head: 2,
    bos_token_id: bosTokenId,
    eos_token_id: eosTokenId,
  });
  const models = [
    { name: "language_model", head: "language_model", rewardBias: 0 },
    { name: "scalar", head: "scalar", rewardBias: 0 },
    { name: "biased", head: "scalar", rewardBias: 0.25 },
  ] as const;
  for (const { name, head, rewardBias } of models) {
    const parameters = initializeParameters(config, head, createRandom(3));
    const model = { config: { ...config, rewardBias }, head, parameters, generationConfig: null };
    await writeModelDirectory(join(directory, name), model, { files });
  }
});
afterAll(() => rm(directory, { recursive: true }));

async function run(argv: readonly string[], input = "") {
  const terminal = testTerminal({ workingDirectory: directory, input });
  const code = await runCli(argv, terminal);
  expect(
    terminal
      .messages()
      .split("\n")
      .filter((line) => line.includes("error")),
  ).toEqual([]);
  expect(code).toBe(0);
  return { output: terminal.output(), messages: terminal.messages() };
}

async function writeRows(name: string, rows: readonly object[]): Promise<string> {
  await writeFile(join(directory, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return name;
}

const parse = <Row>(text: string): readonly Row[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
const readRows = async <Row>(name: string) => parse<Row>(await readFile(join(directory, name), "utf8"));

interface ScoreRow {
  readonly logprobs: readonly number[];
  readonly nll: number;
  readonly tokens: number;
}

describe("score", () => {
  it("gives PyTorch's log-probabilities, in the order of the rows, whole texts or labelled tokens", async () => {
    const ids = array(reference.arrays, "right.input_ids");
    const mask = array(reference.arrays, "right.attention_mask");
    const expected = array(reference.arrays, "right.token_logprobs");
    const [batch, length] = ids.type.shape as [number, number];
    const rows = Array.from({ length: batch }, (_, row) => {
      const tokens = [...ids.data.subarray(row * length, (row + 1) * length)];
      return tokens.filter((_, t) => mask.data[row * length + t] === 1);
    });
    const data = await writeRows(
      "ids.jsonl",
      rows.map((input_ids) => ({ input_ids })),
    );
    await run(["score", "--model", gpt2, "--data", data, "--out", "scores.jsonl", "--batch-size", "2"]);
    const scores = await readRows<ScoreRow>("scores.jsonl");
    expect(scores.map(({ tokens }) => tokens)).toEqual(rows.map((row) => row.length - 1));
    for (const [row, { logprobs, nll, tokens }] of scores.entries()) {
      const wanted = Array.from(expected.data).slice(row * (length - 1), row * (length - 1) + tokens);
      expectClose(`row ${row}`, logprobs, wanted, 1e-4);
      expect(nll).toBeCloseTo(-wanted.reduce((total, value) => total + value, 0) / tokens, 4);
    }
    // The same through labels: only the last token counts.
    const labelled = rows.map((input_ids) => ({
      input_ids,
      labels: input_ids.map((id, t) => (t === input_ids.length - 1 ? id : -100)),
    }));
    const { output } = await run([
      "score",
      "--model",
      gpt2,
      "--data",
      await writeRows("labels.jsonl", labelled),
    ]);
    for (const [row, { logprobs, nll, tokens }] of parse<ScoreRow>(output).entries()) {
      expect(tokens).toBe(1);
      expectClose(`row ${row}`, logprobs, [scores[row]?.logprobs.at(-1) as number], 1e-6);
      expect(nll).toBeCloseTo(-(logprobs[0] as number), 6);
    }
  });

  it("scores the completion after its prompt as the end of the text", async () => {
    const text = await writeRows("text.jsonl", [{ text: "The cat sat" }]);
    const pair = await writeRows("pair.jsonl", [{ prompt: "The cat", completion: " sat" }]);
    const score = async (data: string, ...flags: readonly string[]) =>
      parse<ScoreRow>(
        (await run(["score", "--model", "language_model", "--data", data, ...flags])).output,
      )[0];
    const whole = await score(text);
    const part = await score(pair);
    const count = part?.tokens as number;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(whole?.tokens as number);
    expectClose("completion", part?.logprobs ?? [], whole?.logprobs.slice(-count) ?? [], 1e-6);
    expect((await score(pair, "--append-eos", "true"))?.tokens).toBe(count + 1);
  });

  it("of a reward model is one number, read at the end token, bias included", async () => {
    const rows = [
      { prompt: "a", completion: " b c" },
      { prompt: "The cat", completion: " sat" },
    ];
    const data = await writeRows("answers.jsonl", rows);
    const { output } = await run(["score", "--model", "scalar", "--data", data]);
    const scores = parse<{ readonly score: number }>(output);
    expect(scores.map((row) => Object.keys(row))).toEqual([["score"], ["score"]]);
    const tokenizer = await loadTokenizer(tokenizerDirectory);
    const idsOf = ({ prompt, completion }: (typeof rows)[number]) => [
      ...tokenizer.encode(prompt),
      ...tokenizer.encode(completion, { addSpecialTokens: false }),
      tokenizer.eosTokenId,
    ];
    const ids = await writeRows(
      "answer-ids.jsonl",
      rows.map((row) => ({ input_ids: idsOf(row) })),
    );
    const byIds = parse<{ readonly score: number }>(
      (await run(["score", "--model", "scalar", "--data", ids])).output,
    );
    expectClose(
      "scores",
      byIds.map(({ score }) => score),
      scores.map(({ score }) => score),
      1e-6,
    );
    const biased = parse<{ readonly score: number }>(
      (await run(["score", "--model", "biased", "--data", data])).output,
    );
    expectClose(
      "biased",
      biased.map(({ score }) => score - 0.25),
      scores.map(({ score }) => score),
      1e-6,
    );
  });
});

interface GeneratedRow {
  readonly response: string | null;
  readonly response_ids: readonly number[];
  readonly logprobs: readonly number[];
}

describe("generate", () => {
  it("greedily gives PyTorch's tokens, whatever the batch size", async () => {
    const ids = array(reference.arrays, "generate.prompt_ids");
    const mask = array(reference.arrays, "generate.attention_mask");
    const expected = array(reference.arrays, "generate.new_tokens");
    const [batch, length] = ids.type.shape as [number, number];
    const count = expected.type.shape[1] as number;
    const rows = Array.from({ length: batch }, (_, row) => {
      const at = (t: number) => row * length + t;
      const real = Array.from({ length }, (_, t) => t).filter((t) => mask.data[at(t)] === 1);
      return { input_ids: real.map((t) => ids.data[at(t)]), name: `row ${row}` };
    });
    const prompts = await writeRows("prompts.jsonl", rows);
    const flags = ["--temperature", "0", "--max-new-tokens", String(count), "--ignore-eos"];
    for (const batchSize of ["1", "2"]) {
      await run([
        "generate",
        "--model",
        gpt2,
        "--prompts",
        prompts,
        "--out",
        "g.jsonl",
        ...flags,
        "--batch-size",
        batchSize,
      ]);
      const generated = await readRows<GeneratedRow & { readonly name: string }>("g.jsonl");
      expect(generated.map(({ name }) => name)).toEqual(rows.map(({ name }) => name));
      for (const [row, { response, response_ids, logprobs }] of generated.entries()) {
        expect(response_ids).toEqual([...expected.data.subarray(row * count, (row + 1) * count)]);
        // Without a tokenizer there is no text.
        expect(response).toBeNull();
        expect(logprobs).toHaveLength(count);
      }
    }
    expect(await readdir(directory)).not.toContain(expect.stringContaining(".tmp"));
  });

  it("gives the row plus the response, its ids and the log-probabilities that score gives them", async () => {
    const prompts = await writeRows("texts.jsonl", [
      { prompt: "The cat", id: 7 },
      { id: 8, prompt: "a" },
    ]);
    const flags = ["--max-new-tokens", "6", "--ignore-eos", "--seed", "5"];
    const generate = async (...more: readonly string[]) =>
      parse<GeneratedRow & { readonly id: number; readonly prompt: string }>(
        (await run(["generate", "--model", "language_model", "--prompts", prompts, ...flags, ...more]))
          .output,
      );
    const rows = await generate();
    expect(rows.map((row) => Object.keys(row))).toEqual([
      ["prompt", "id", "response", "response_ids", "logprobs"],
      ["id", "prompt", "response", "response_ids", "logprobs"],
    ]);
    const tokenizer = await loadTokenizer(tokenizerDirectory);
    const ids = rows.map(({ prompt, response_ids }) => [...tokenizer.encode(prompt), ...response_ids]);
    const labels = ids.map((row) => row.map((id, t) => (t >= row.length - 6 ? id : -100)));
    const data = await writeRows(
      "sampled.jsonl",
      ids.map((input_ids, row) => ({ input_ids, labels: labels[row] })),
    );
    const scores = parse<ScoreRow>(
      (await run(["score", "--model", "language_model", "--data", data])).output,
    );
    for (const [row, { logprobs }] of scores.entries()) {
      expectClose(`row ${row}`, rows[row]?.logprobs ?? [], logprobs, 1e-4);
    }
    // Same seed, same tokens; other seed, other tokens.
    expect(await generate("--batch-size", "1")).toMatchObject(
      rows.map(({ response_ids }) => ({ response_ids })),
    );
    expect((await generate("--seed", "6"))[0]?.response_ids).not.toEqual(rows[0]?.response_ids);
  });
});

it("generates from conversations by the model's chat template, which is written in both of its places", async () => {
  const { files } = await loadTokenizer(tokenizerDirectory);
  const template =
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";
  const model = await readModelDirectory(join(directory, "language_model"));
  const withTemplate = new Map([
    ...files,
    ["chat_template.jinja", new TextEncoder().encode(template)],
  ] as const);
  await writeModelDirectory(join(directory, "chat_model"), model, { files: withTemplate });
  const written = await readFile(join(directory, "chat_model", "tokenizer_config.json"), "utf8");
  expect(JSON.parse(written).chat_template).toBe(template);

  const messages = await writeRows("messages.jsonl", [{ messages: [{ role: "user", content: "hi" }] }]);
  const text = await writeRows("as-text.jsonl", [{ prompt: "user: hi\nassistant:" }]);
  const respond = async (prompts: string) => {
    const flags = ["--max-new-tokens", "4", "--temperature", "0", "--ignore-eos"];
    const { output } = await run(["generate", "--model", "chat_model", "--prompts", prompts, ...flags]);
    return parse<GeneratedRow>(output)[0]?.response_ids;
  };
  // The fixture's tokenizer adds no BOS, so that the same text is the same prompt.
  expect(await respond(messages)).toEqual(await respond(text));
  const { output } = await run(
    ["chat", "--model", "chat_model", "--max-new-tokens", "8", "--temperature", "0"],
    "hi\nhi\nhi\nhi\n",
  );
  expect(output.split("\n").length).toBeGreaterThanOrEqual(4);
});

describe("chat", () => {
  it("answers each line of its input", async () => {
    const flags = ["--model", "language_model", "--max-new-tokens", "3", "--temperature", "0"];
    const { output } = await run(["chat", ...flags, "--raw"], "The cat\n\nThe cat\n/exit\nThe cat\n");
    const lines = output.split("\n");
    // Greedy: the same line has the same answer; nothing after /exit.
    expect(lines).toHaveLength(3);
    expect(lines[0]).not.toBe("");
    expect(lines[1]).toBe(lines[0]);
    // A conversation that grows beyond the model's 40 positions goes on without its oldest messages.
    const long = await run(["chat", ...flags], "One two three\n".repeat(6));
    expect(long.output.split("\n").length).toBeGreaterThanOrEqual(7);
  });
});

describe("export", () => {
  it("writes ONNX in each dtype to the file that transformers.js looks for", async () => {
    await run([
      "export",
      "--model",
      "language_model",
      "--out",
      "web",
      "--format",
      "onnx",
      "--dtype",
      "float32",
      "q8",
      "q4",
    ]);
    const sizes = await Promise.all(
      ["model.onnx", "model_quantized.onnx", "model_q4.onnx"].map(
        async (file) => (await readFile(join(directory, "web", "onnx", file))).length,
      ),
    );
    expect((await readdir(join(directory, "web", "onnx"))).length).toBe(3);
    expect(sizes[2]).toBeLessThan(sizes[1] as number);
  });

  it.each([
    [["--format", "onnx", "--dtype", "float16"], "--dtype float16: with --format onnx give float32, q8, q4"],
    [["--dtype", "q4"], "--dtype q4: with --format transformers give float32, float16, bfloat16"],
    [
      ["--dtype", "float16", "float32"],
      "--dtype float16 float32: a transformers directory holds one; give one",
    ],
  ])("refuses %j", async (flags, message) => {
    const terminal = testTerminal({ workingDirectory: directory });
    expect(
      await runCli(["export", "--model", "language_model", "--out", "never", ...flags], terminal),
    ).not.toBe(0);
    expect(terminal.messages()).toContain(message);
    expect(await readdir(directory)).not.toContain("never");
  });
});
