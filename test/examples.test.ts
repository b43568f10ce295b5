/** The examples run as their headers say, and do what they say. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "../examples/tiny-model.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const minute = 60_000;

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "alignkit-examples-"));
});
afterAll(() => rm(scratch, { recursive: true }));

/** Lines of the standard output; temporary folders of the script land in `scratch`. */
async function runScript(...argv: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=@alignkit/source", "--import", "tsx", ...argv],
    { cwd: root, env: { ...process.env, TMPDIR: scratch, NO_COLOR: "1" } },
  );
  return stdout.trimEnd().split("\n");
}

describe("examples", () => {
  it(
    "quickstart: greetings become polite",
    async () => {
      const lines = await runScript("examples/quickstart/basic.ts");
      const isPolite = (line: string) => line.includes("hello");
      const last = lines.filter((line) => line.startsWith("iteration 10:"));
      // 6 samples an iteration; half of the demonstrations are rude, at most one trained answer may be.
      expect(last).toHaveLength(6);
      expect(last.filter(isPolite).length).toBeGreaterThanOrEqual(5);
      expect(lines.at(-1)).toContain(join("run", "artifacts", "ppo.policy"));
    },
    3 * minute,
  );

  it(
    "custom-reward: the reward function is followed",
    async () => {
      const lines = await runScript("examples/custom-reward/basic.ts");
      const vowels = lines.map((line) => Number(/reward\/vowels ([\d.]+)/.exec(line)?.[1]));
      // 1024 episodes in iterations of 64. A new model draws tokens almost evenly; trained, at least twice as many.
      expect(vowels).toHaveLength(16);
      expect(vowels[15]).toBeGreaterThan(2 * (vowels[0] as number));
    },
    3 * minute,
  );

  it(
    "custom-stage: its rankings train a reward model",
    async () => {
      const lines = await runScript("examples/custom-stage/basic.ts");
      const row = JSON.parse(lines.find((line) => line.startsWith("{")) as string);
      expect(row.responses).toHaveLength(4);
      // Those that say hello come first, all with rank 1.
      for (const [index, response] of (row.responses as string[]).entries()) {
        expect(row.ranks[index] === 1).toBe(response.includes("hello"));
      }
      expect(lines.at(-1)).toMatch(/^accuracy of the reward model on its last batch: (0\.[5-9]\d*|1)$/);
    },
    3 * minute,
  );

  it(
    "families: a step helps each",
    async () => {
      const lines = await runScript("examples/families/basic.ts");
      const losses = lines.map((line) => /^(\w+): ([\d.]+) -> ([\d.]+) nats a token, says "/.exec(line));
      expect(losses.map((match) => match?.[1])).toEqual([
        "gpt2",
        "gpt_neox",
        "llama",
        "mistral",
        "qwen2",
        "qwen3",
      ]);
      for (const match of losses) expect(Number(match?.[3])).toBeLessThan(Number(match?.[2]) - 0.1);
    },
    minute,
  );

  it(
    "transformers-js: an adapter is trained and exported",
    async () => {
      const lines = await runScript("examples/transformers-js/basic.ts");
      expect(lines.find((line) => line.startsWith("alignkit: "))).toMatch(
        /Once upon a time, there was a kind (fox|owl|hen|cat) who said hello\.$/,
      );
      expect(lines.some((line) => /^transformers\.js: |^equal$/.test(line))).toBe(true);
      expect(lines).not.toContain("different");
    },
    3 * minute,
  );

  it(
    "custom-stage: the command line loads it as a plugin",
    async () => {
      const plugin = ["--plugin", "./examples/custom-stage/rank-by-rule.ts"];
      const lines = await runScript("apps/cli/src/main.ts", "plugins", ...plugin);
      expect(lines).toContain(
        "  rank-by-rule (plugin rank-by-rule): Samples responses to each prompt and ranks them by a rule",
      );
    },
    minute,
  );

  it(
    "custom-backend: the command line trains on it by name, to the losses of the ONNX backend",
    async () => {
      const completions = [" Good morning to you.", " Hello, how are you?", " Good evening, all."];
      const data = join(scratch, "greetings.jsonl");
      await writeFile(
        data,
        completions.map((completion) => `${JSON.stringify({ prompt: "Greet:", completion })}\n`).join(""),
      );
      const model = join(scratch, "greeter");
      await writeTinyModel(model, completions);
      const losses = async (...backend: readonly string[]) => {
        const directory = join(scratch, backend.at(-1) as string);
        await runScript(
          ...["apps/cli/src/main.ts", "sft", ...backend, "--init", model, "--train-files", data],
          ...["--output-dir", directory, "--max-steps", "2", "--per-device-train-batch-size", "3"],
          // Masks of dropout follow the padding, of which backends with free axes need less.
          ...["--learning-rate", "0.01", "--save-steps", "0", "--residual-dropout", "0"],
        );
        const lines = (await readFile(join(directory, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
        return lines.map((line) => JSON.parse(line).loss as number);
      };
      const onJax = await losses("--plugin", "alignkit-backend-jax", "--backend", "jax");
      const onOnnx = await losses("--backend", "onnx");
      expect(onJax).toHaveLength(2);
      // float32, summed in another order; the second loss is that of updated weights.
      for (const [step, loss] of onOnnx.entries()) expect(onJax[step]).toBeCloseTo(loss, 4);
      expect(onJax[1]).toBeLessThan(onJax[0] as number);
    },
    2 * minute,
  );
});
