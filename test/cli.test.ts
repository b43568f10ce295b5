/** The command line: help, wrong usage, what it prints and returns. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../apps/cli/src/cli.js";
import { testTerminal } from "../apps/cli/src/testing/terminal.js";

const gpt2 = fileURLToPath(new URL("../packages/models/fixtures/models/gpt2", import.meta.url));
const main = fileURLToPath(new URL("../apps/cli/src/main.ts", import.meta.url));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-cli-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function run(argv: readonly string[], options: { isTTY?: boolean; NO_COLOR?: string } = {}) {
  const { isTTY = false, NO_COLOR = "" } = options;
  const terminal = testTerminal({ workingDirectory: directory, isTTY, environment: { NO_COLOR } });
  const code = await runCli(argv, terminal);
  return { code, output: terminal.output(), messages: terminal.messages() };
}

async function write(name: string, text: string): Promise<string> {
  await writeFile(join(directory, name), text);
  return name;
}

describe("help", () => {
  it("lists the commands", async () => {
    const { code, output } = await run(["--help"]);
    expect(code).toBe(0);
    expect(output).toMatchInlineSnapshot(`
      "Usage: alignkit [options] [command]

      Trains language models from human feedback: demonstrations, rankings, PPO.

      Options:
        -V, --version  print the version
        -h, --help     show this, or the help of a command

      Begin:
        demo           Runs the whole way from a base model to an aligned one, on embedded data
        init           Writes an example: a pipeline with comments, a tokenizer, data of each format

      Data:
        data           Converts, filters and shows data files

      Train:
        run            Runs a pipeline of stages from a YAML file
        pretrain       Trains a new or given language model on raw text; every token is learned
        sft            Fine-tunes a language model on demonstrations; only completions are learned, unless
                       asked otherwise
        reward         Trains a reward model on rankings; demonstrations score 0 on average
        ppo            Reinforcement learning from a reward model: PPO, with pretraining text PPO-ptx

      Use:
        generate       Continues each prompt of a file
        chat           Talks with a language model
        score          Log-probabilities of texts under a language model, or scores of a reward model
        export         Writes a model for other programs; a LoRA adapter is merged into its base

      About this installation:
        doctor         Tells what this machine has, and checks a backend against the reference
        plugins        Lists stages, backends and trackers
        presets        Lists settings of papers, or shows every value of one and its source
        help           Shows the help of a command

      Examples:
        alignkit demo                         the whole way on embedded data, in some minutes
        alignkit init my-project              an example pipeline with data of each format
        alignkit run my-project/pipeline.yaml
        alignkit sft --model base --train-files demonstrations.jsonl --output-dir runs/sft
        alignkit generate --model runs/sft/artifacts/sft.policy --prompts prompts.jsonl --out out.jsonl

      Exit codes: 0; 1 the run failed; 2 bad usage, config or data; 130 stopped by Ctrl-C.
      "
    `);
  });

  it("of a stage is made from its schema and its inputs", async () => {
    const { code, output } = await run(["ppo", "--help"]);
    expect(code).toBe(0);
    expect(output).toContain("--learning-rate <number>");
    expect(output).toMatch(
      /--kl-coef <number> +beta of the KL penalty \(paper: 0\.02\)\s+\(default: 0\.02\)/,
    );
    expect(output).toMatch(/--reward-model <directory> +Model directory of a reward model/);
    expect(output).toContain(
      "Examples:\n  alignkit ppo --init init-directory --config ppo.yaml --output-dir runs/ppo\n",
    );
  });

  it("of generate tells the format of the rows", async () => {
    expect((await run(["help", "generate"])).output).toMatchInlineSnapshot(`
      "Usage: alignkit generate [options]

      Continues each prompt of a file

      Options:
        --model <directory>         a language model
        --prompts <file>            rows {prompt}, {messages} or {input_ids} (.jsonl, .csv, .parquet)
        --out <file>                the rows with {"response", "response_ids", "logprobs"}, in the order
                                    of the input (default: standard output)
        --temperature <number>      divides the logits; 0 takes the most likely token (default: 1)
        --top-k <integer>           only so many of the most likely tokens (default: all)
        --top-p <number>            only the most likely tokens with this probability together (default:
                                    1)
        --max-new-tokens <integer>  most tokens of a response (default: 128)
        --seed <integer>            every random number follows from it (default: 0)
        --ignore-eos                go on to --max-new-tokens after an end token
        --batch-size <integer>      prompts decoded at once (default: 16)
        --backend <name>            onnx, onnx:webgpu, onnx:cuda, tfjs:wasm, reference; with options:
                                    onnx,threads=2 (default: onnx)
        --plugin <package or file>  load a plugin: a package, a file (./stage.js), or either with #export;
                                    may be repeated
        --debug                     print more, and the stack of an error
        -h, --help                  show this, or the help of a command

      Examples:
        alignkit generate --model DIR --prompts prompts.jsonl --out responses.jsonl
        alignkit generate --model DIR --prompts prompts.jsonl --temperature 0 --max-new-tokens 64
      "
    `);
  });
});

describe("wrong usage ends with 2 and says what was meant", () => {
  it.each([
    [["sft", "--learning-rte", "1"], "unknown option '--learning-rte'\n(Did you mean --learning-rate?)"],
    [["sfft"], "unknown command 'sfft'\n(Did you mean sft?)"],
    [["sft", "--max-steps", "many"], "argument 'many' is invalid. Give <integer> or none."],
    [["score", "--data", "x.jsonl"], "required option '--model <directory>' not specified"],
    [["sft"], "sft needs --init <directory>"],
    [["sft", "--model", gpt2, "--dry-run", "--backend", "onnx:"], 'backend "onnx:" is not understood'],
    [
      ["sft", "--model", gpt2, "--dry-run", "--backend", "torch"],
      'backend "torch" is unknown; known: onnx, reference',
    ],
    [["sft", "--model", "nowhere", "--dry-run"], "nothing is at "],
    [["run", "none.yaml"], "none.yaml: no such file"],
    [
      ["plugins", "--plugin", "./none.js"],
      'plugin "./none.js": cannot be imported; check the path and the file',
    ],
  ])("%j", async (argv, message) => {
    const { code, output, messages } = await run(argv);
    expect(messages).toContain(message);
    expect([code, output]).toEqual([2, ""]);
    expect(messages).not.toMatch(/\n\s+at /);
  });

  it("shows the stack only when asked to", async () => {
    expect((await run(["run", "none.yaml", "--debug"])).messages).toMatch(/\n\s+at .*yaml-file/);
  });
});

describe("a config file", () => {
  it("is overridden by flags", async () => {
    const config = await write(
      "sft.yaml",
      "max_steps: 3\nlearning_rate: 1.0e-3\nseed: 7\nbackend: reference\n",
    );
    const { code, output } = await run([
      "sft",
      "--config",
      config,
      "--model",
      gpt2,
      "--max-steps",
      "5",
      "--train-files",
      await write("rows.jsonl", '{"input_ids": [1, 2, 3], "labels": [1, 2, 3]}\n'),
      "--dry-run",
    ]);
    expect(code).toBe(0);
    expect(output).toContain("backend: reference\n");
    expect(output).toContain("seed: 7\n");
    expect(output).toContain("learning_rate: 0.001\n");
    expect(output).toContain("max_steps: 5\n");
  });

  it("with an unknown key is refused with its line and the nearest name", async () => {
    const config = await write("wrong.yaml", "max_steps: 3\nlearning_rte: 1\n");
    const { code, messages } = await run(["sft", "--config", config, "--model", gpt2]);
    expect(code).toBe(2);
    expect(messages).toBe(
      'error CONFIG_INVALID: wrong.yaml:2: "learning_rte" is unknown; did you mean "learning_rate"?\n',
    );
  });

  it("with wrong values is refused with their lines; a flag has none", async () => {
    const config = await write(
      "values.yaml",
      "# of a stage\nlearning_rate: fast\nmax_steps: 3\nwarmup_steps: -1\n",
    );
    const { code, messages } = await run(["sft", "--config", config, "--model", gpt2, "--max-steps", "-5"]);
    expect([code, messages]).toEqual([
      2,
      `error WIRING_INVALID: pipeline: 3 problems
- sft.config.max_steps (-5): Too small: expected number to be >0
- values.yaml:2: sft.config.learning_rate ("fast"): Invalid input: expected number, received string
- values.yaml:4: sft.config.warmup_steps (-1): Too small: expected number to be >=0
`,
    ]);
    const pipeline = await write(
      "values-of-stages.yaml",
      `stages:
  - use: sft
    as: tuned
    inputs: { init: { path: ${gpt2} } }
    config:
      max_steps: 0
      lora_target_modules: [3]
`,
    );
    const other = await run(["run", pipeline, "--set", "tuned.max_steps=-2"]);
    expect([other.code, other.messages]).toEqual([
      2,
      `error WIRING_INVALID: pipeline: 2 problems
- tuned.config.max_steps (-2): Too small: expected number to be >0
- values-of-stages.yaml:7: tuned.config.lora_target_modules ([3]): Invalid input: expected a name or a list of names
`,
    ]);
  });

  it("of a pipeline is checked the same way, at every level", async () => {
    const lines = ["stages:", "  - use: sft", "    inptus: {}", "    config: {}"];
    const path = await write("pipeline.yaml", lines.join("\n"));
    expect((await run(["run", path])).messages).toBe(
      'error CONFIG_INVALID: pipeline.yaml:3: "inptus" is unknown; did you mean "inputs"?\n',
    );
    const other = await write("other.yaml", "stages:\n  - use: sfft\n");
    expect((await run(["run", other])).messages).toContain(
      'other.yaml:2: stage "sfft" is unknown; did you mean "sft"?\n',
    );
    const third = await write("third.yaml", "sed: 1\nstages: []\n");
    expect((await run(["run", third])).messages).toContain(
      'third.yaml:1: "sed" is unknown; did you mean "seed"?\n',
    );
  });
});

describe("data", () => {
  it("that are missing are named for all stages, by line, before the first one runs", async () => {
    const path = await write(
      "missing.yaml",
      `stages:
  - use: sft
    inputs: { init: { path: ${gpt2} } }
    config: { train_files: none.jsonl }
  - use: reward
    config:
      train_files: [missing.yaml, run/artifacts/made-by-a-stage.jsonl, gone.jsonl]
`,
    );
    const { code, messages } = await run(["run", path, "--output-dir", "run", "--backend", "reference"]);
    expect([code, messages]).toEqual([
      2,
      `error DATA_INVALID: missing.yaml:4: sft.config.train_files: ${join(directory, "none.jsonl")}: no such file
missing.yaml:7: reward.config.train_files: ${join(directory, "gone.jsonl")}: no such file
`,
    ]);
  });

  it("that are broken are named by file and line, before anything runs", async () => {
    const data = await write("broken.jsonl", '{"input_ids": [1, 2]}\n{"input_ids": [1\n');
    for (const argv of [
      ["score", "--model", gpt2, "--data", data],
      ["sft", "--model", gpt2, "--train-files", data, "--backend", "reference"],
    ]) {
      const { code, output, messages } = await run(argv);
      expect([code, output]).toEqual([2, ""]);
      expect(messages).toContain(
        `error DATA_INVALID: ${join(directory, data)}:2: the line is not valid JSON`,
      );
    }
  });
});

describe("colors", () => {
  const red = "\u001b[31m";
  it("are for terminals without NO_COLOR", async () => {
    expect((await run(["sfft"], { isTTY: true })).messages).toContain(red);
    expect((await run(["sfft"], { isTTY: true, NO_COLOR: "1" })).messages).not.toContain("\u001b");
    expect((await run(["sfft"])).messages).not.toContain("\u001b");
  });
});

it("lists a plugin's stages, and makes verbs of them", async () => {
  await write(
    "echo.mjs",
    `const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
export default () => ({ name: "echo", stages: [{
  name: "echo", description: "Says it again", config: any,
  consumes: {}, optionalConsumes: {}, produces: {},
  async run({ logger }) { logger.info("again"); return {}; },
}] });`,
  );
  const { output } = await run(["plugins", "--plugin", "./echo.mjs"]);
  expect(output).toContain(
    "  echo (plugin echo): Says it again\n    consumes  nothing\n    produces  nothing\n",
  );
  const ran = await run([
    "echo",
    "--plugin",
    "./echo.mjs",
    "--backend",
    "reference",
    "--output-dir",
    "echo-run",
  ]);
  expect(ran.messages).toBe("run directory echo-run, backend reference, seed 0\necho: again\n");
  expect([ran.code, ran.output]).toEqual([0, "report  echo-run/report.html\n"]);
});

it("as a process writes results to stdout, the rest to stderr, and returns the code", async () => {
  const node = ["--conditions=@alignkit/source", "--import", "tsx", main];
  const execute = promisify(execFile);
  const { stdout, stderr } = await execute(process.execPath, [...node, "--version"]);
  expect([stdout, stderr]).toEqual(["0.0.0\n", ""]);
  await expect(execute(process.execPath, [...node, "sfft"])).rejects.toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining("unknown command 'sfft'"),
  });
});
