/** `init`, `run`, the verbs of stages and `demo`, from an empty folder to a report. */
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { runCli } from "../apps/cli/src/cli.js";
import { type TestTerminal, testTerminal } from "../apps/cli/src/testing/terminal.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-cli-run-"));
  expect(await run(["init", "project"])).toMatchObject({ code: 0, output: "project/pipeline.yaml\n" });
});
afterAll(() => rm(directory, { recursive: true }));

async function run(argv: readonly string[], onMessage?: (text: string, terminal: TestTerminal) => void) {
  const terminal = testTerminal({ workingDirectory: directory, ...(onMessage && { onMessage }) });
  const code = await runCli(argv, terminal);
  return { code, output: terminal.output(), messages: terminal.messages() };
}

const read = (name: string) => readFile(join(directory, name), "utf8");

const short = [
  ["pretrain", "sft", "reward"].flatMap((stage) => ["--set", `${stage}.max_steps=2`]),
  ["--set", "ppo.total_episodes=32", "--set", "ppo.ptx_files=null"],
].flat();

it("init does not write over a pipeline or data", async () => {
  const { code, messages } = await run(["init", "project"]);
  expect(code).toBe(2);
  expect(messages).toContain("pipeline.yaml: is there already; choose another folder");

  await mkdir(join(directory, "own/data"), { recursive: true });
  const other = await run(["init", "own"]);
  expect(other.code).toBe(2);
  expect(other.messages).toContain("data: is there already; choose another folder");
  expect(await readdir(join(directory, "own"))).toEqual(["data"]);
});

it("init writes data of each format, which the stages read", async () => {
  const files = await readdir(join(directory, "project/data"));
  expect(files.sort()).toEqual([
    "conversations.jsonl",
    "demonstrations.jsonl",
    "preferences.jsonl",
    "pretokenized.jsonl",
    "prompts.jsonl",
    "rankings.jsonl",
    "texts.jsonl",
  ]);
});

it("--dry-run prints config and plan as YAML, and makes nothing", async () => {
  const { code, output } = await run([
    "run",
    "project/pipeline.yaml",
    "--dry-run",
    "--set",
    "sft.max_steps=3",
  ]);
  expect(code).toBe(0);
  const { config, plan } = parse(output);
  expect(config).toMatchObject({ backend: "onnx", seed: 0, output_dir: join(directory, "project/run") });
  // Defaults are filled in, the change is made, inputs are connected.
  expect(config.stages[1]).toMatchObject({
    use: "sft",
    config: { max_steps: 3, weight_decay: 0 },
    inputs: { init: "pretrain.policy" },
  });
  expect(plan.pretrain).toMatchObject({
    steps: 40,
    memory: { parameters: "151 kB", total: expect.any(String) },
  });
  expect(await readdir(join(directory, "project"))).not.toContain("run");
});

it("run is stopped by Ctrl-C, goes on with --resume, and ends with models and a report", async () => {
  const command = ["run", "project/pipeline.yaml", ...short];
  const stopped = await run(command, (text, terminal) => {
    if (text.startsWith("pretrain: 2/2 steps")) terminal.interrupt();
  });
  expect(stopped, stopped.messages).toMatchObject({ code: 130, output: "" });
  expect(stopped.messages).toContain(
    "stops after this step and saves; Ctrl-C again ends at once, without saving\n",
  );
  expect(stopped.messages).toContain(
    "go on with: alignkit run project/pipeline.yaml --set pretrain.max_steps=2 ",
  );
  expect(stopped.messages).toContain(" --resume\n");
  expect(await read("project/run/report.html")).toContain("not finished: sft, reward, ppo");

  const again = await run(command);
  expect(again.code).toBe(2);
  expect(again.messages).toContain(
    "holds a run already; resume it (--resume, in code resume: true), or choose another directory",
  );

  const resumed = await run([...command, "--resume"]);
  expect(resumed.messages).toContain("pretrain: finished before; not run again\n");
  expect(resumed).toMatchObject({
    code: 0,
    output: [
      "pretrain.policy     project/run/artifacts/pretrain.policy",
      "sft.policy          project/run/artifacts/sft.policy",
      "reward.rewardModel  project/run/artifacts/reward.rewardModel",
      "ppo.policy          project/run/artifacts/ppo.policy",
      "report  project/run/report.html\n",
    ].join("\n"),
  });
  const lines = (await read("project/run/metrics.jsonl")).trim().split("\n");
  const steps = lines.map((line) => JSON.parse(line)).map(({ stage, step }) => `${stage} ${step}`);
  expect(steps).toEqual([
    ...["pretrain", "sft", "reward"].flatMap((stage) => [`${stage} 1`, `${stage} 2`]),
    "ppo 1",
  ]);
  expect(await read("project/run/report.html")).not.toContain("not finished");
});

it("a stage is a verb of its own: flags for its config, directories for its inputs", async () => {
  const model = "project/run/artifacts/pretrain.policy";
  const data = ["--train-files", "project/data/demonstrations.jsonl", "project/data/conversations.jsonl"];
  const flags = [
    "--per-device-train-batch-size",
    "4",
    "--max-steps",
    "2",
    "--shuffle",
    "false",
    "--seed",
    "3",
  ];
  const { code, output, messages } = await run([
    "sft",
    "--model",
    model,
    ...data,
    ...flags,
    "--output-dir",
    "sft",
  ]);
  expect([code, output]).toEqual([0, "sft.policy  sft/artifacts/sft.policy\nreport  sft/report.html\n"]);
  expect(messages).toContain("run directory sft, backend onnx, seed 3\n");
  const config = JSON.parse(await read("sft/config.json"));
  expect(config).toMatchObject({
    seed: 3,
    stages: [{ use: "sft", config: { max_steps: 2, shuffle: false, per_device_train_batch_size: 4 } }],
  });
  const [line] = (await read("sft/metrics.jsonl")).split("\n");
  expect(JSON.parse(line ?? "")).toMatchObject({
    stage: "sft",
    step: 1,
    loss: expect.any(Number),
    grad_norm: expect.any(Number),
    learning_rate: expect.any(Number),
    num_tokens: expect.any(Number),
  });
});

it("a preset fills in the config, and a tracker gets what metrics.jsonl gets", async () => {
  const model = ["--model", "project/run/artifacts/pretrain.policy"];
  const data = ["--train-files", "project/data/demonstrations.jsonl", "--max-steps", "2"];
  const options = ["--preset", "small", "--report-to", "tensorboard", "--output-dir", "small"];
  const { code, messages } = await run(["sft", ...model, ...data, ...options]);
  expect(code, messages).toBe(0);
  const config = JSON.parse(await read("small/config.json"));
  expect(config.stages[0]).toMatchObject({
    preset: "small",
    config: { max_steps: 2, per_device_train_batch_size: 16, learning_rate: 2e-3 },
  });
  const [file] = await readdir(join(directory, "small/tensorboard/sft"));
  const events = await readFile(join(directory, "small/tensorboard/sft", file as string), "latin1");
  expect(events.split("grad_norm")).toHaveLength(3);

  const unknown = await run(["sft", ...model, ...data, "--report-to", "tensorbord"]);
  expect(unknown).toMatchObject({ code: 2 });
  expect(unknown.messages).toContain('the tracker is unknown; did you mean "tensorboard"?');
});

it("--dry-run refuses what the run would refuse: a stage alone has no data from an earlier one", async () => {
  const { code, messages } = await run([
    "sft",
    "--model",
    "project/run/artifacts/pretrain.policy",
    "--dry-run",
  ]);
  expect(code).toBe(2);
  expect(messages).toContain('no data: give "train_files", or the input "demonstrations"');
});

it("demo --quick goes the whole way and ends with a table", async () => {
  const { code, output, messages } = await run(["demo", "--quick", "--output-dir", "demo"]);
  expect(messages).not.toContain("error");
  expect(code).toBe(0);
  expect(output).toContain("PPO-ptx");
  expect(output).toContain("simulated");
  expect(await read("demo/report.html")).toContain("<h2>Results</h2>");
}, 240_000);
