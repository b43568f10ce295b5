/** The demo from end to end at its smallest: that every piece fits, not that its numbers are good. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { type Backend, createLogger, InterruptedError } from "@alignkit/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDemo } from "../apps/cli/src/demo/demo.js";
import { type PolicyName, policyNames, type Results } from "../apps/cli/src/demo/results.js";
import { formatResults } from "../apps/cli/src/demo/table.js";

let backend: Backend;
let directory: string;
let results: Results;

beforeAll(async () => {
  backend = await createOnnxBackend({ threads: 1 });
  directory = await mkdtemp(join(tmpdir(), "alignkit-demo-"));
  results = await runDemo({ outputDirectory: join(directory, "whole"), backend, seed: 3, quick: true });
}, 240_000);

afterAll(async () => {
  await backend?.dispose();
  await rm(directory, { recursive: true, force: true });
});

const readRows = async (...path: readonly string[]) =>
  (await readFile(join(directory, "whole", "artifacts", ...path), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("the demo", () => {
  it("measures all four policies", () => {
    expect(Object.keys(results.policies)).toEqual([...policyNames]);
    for (const name of policyNames) {
      const { goldScore, klToSft, rawTextLoss, rewardModelScore, winRateByGold } = results.policies[name];
      for (const value of [goldScore.mean, klToSft.mean, rawTextLoss, rewardModelScore]) {
        expect(Number.isFinite(value), name).toBe(true);
      }
      expect(goldScore.count).toBe(results.prompts);
      expect(winRateByGold.low).toBeLessThanOrEqual(winRateByGold.mean);
      expect(winRateByGold.high).toBeGreaterThanOrEqual(winRateByGold.mean);
    }
  });

  it("finds the SFT model no better than itself, and no KL between the two", () => {
    const { winRateByGold, winRateByLabelers, klToSft } = results.policies.sft;
    expect(winRateByGold.mean).toBe(0.5);
    expect(winRateByLabelers.mean).toBe(0.5);
    // The sampler's log-probabilities against those of the scoring graph, float32: about 1e-5 a token.
    expect(Math.abs(klToSft.mean)).toBeLessThan(1e-3);
    expect(results.policies.ppo.klToSft.mean).not.toBe(0);
  });

  it("gives demonstrations a mean reward of 0", () => {
    expect(Math.abs(results.rewardModel.meanOfDemonstrations)).toBeLessThan(1e-3);
  });

  it("learns some of raw text, and prefers nothing to what it learned from", () => {
    // A uniform guess among 400 tokens loses log(400) = 5.99 nats.
    expect(results.policies.base.rawTextLoss).toBeLessThan(5.5);
    expect(results.policies.base.rawTextLoss).toBeGreaterThan(0.5);
  });

  it("ranks 4 to 9 answers to each prompt, with dense ranks from 1", async () => {
    const rankings = (await readRows("rank.rankings", "train.jsonl")) as unknown as readonly {
      readonly responses: readonly string[];
      readonly ranks: readonly number[];
    }[];
    expect(rankings.length).toBeGreaterThan(0);
    for (const { responses, ranks } of rankings) {
      expect(ranks).toHaveLength(responses.length);
      expect(responses.length).toBeGreaterThanOrEqual(4);
      expect(responses.length).toBeLessThanOrEqual(9);
      const used = [...new Set(ranks)].sort((a, b) => a - b);
      expect(used).toEqual(used.map((_, index) => index + 1));
    }
  });

  it("leaves data that the other verbs read", async () => {
    const [demonstration] = await readRows("world.demonstrations", "train.jsonl");
    expect(demonstration?.prompt).toMatch(/^user: [\s\S]+\nassistant:$/);
    expect(demonstration?.completion).toMatch(/^ \S/);
    expect((await readRows("world.prompts", "train.jsonl"))[0]).toHaveProperty("prompt");
    expect((await readRows("world.texts", "eval.jsonl"))[0]).toHaveProperty("text");
  });

  it("says in its table who judged, and shows an answer of each policy", () => {
    const table = formatResults(results);
    expect(table).toContain("simulated");
    const shown = results.samples[0]?.answers as Readonly<Record<PolicyName, string>>;
    for (const name of policyNames) expect(table).toContain(shown[name]);
  });

  it("goes on after an interruption to the same numbers", async () => {
    const outputDirectory = join(directory, "interrupted");
    const controller = new AbortController();
    // As soon as the answers are ranked, during the stages that follow.
    const logger = createLogger((_, message) => {
      if (message.startsWith("rank: eval.jsonl")) controller.abort();
    });
    const options = { outputDirectory, backend, seed: 3, quick: true };
    await expect(runDemo({ ...options, logger, signal: controller.signal })).rejects.toThrow(
      InterruptedError,
    );
    expect(await runDemo({ ...options, resume: true })).toEqual(results);
  }, 240_000);
});
