import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sumOfRewards } from "./reward-function.js";
import { checkRewardNames, loadRewards, rewardModules } from "./reward-modules.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-rewards-"));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  await write("short.mjs", "export default (prompts, responses) => responses.map((one) => -one.length);\n");
  await write(
    "two.mjs",
    [
      "export const asks = async (prompts) => prompts.map((one) => (one.endsWith('?') ? 1 : 0));",
      "export const tokens = (prompts, responses, { responseIds }) => responseIds.map((ids) => ids.length);",
      "export const one = () => [1];",
      "export const nothing = () => undefined;",
      "export const nan = (prompts) => prompts.map(() => NaN);",
      "export const fails = async () => { throw new Error('the service is down'); };",
      "export const text = 'no function';",
    ].join("\n"),
  );
  await write("broken.mjs", "export default (;\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const load = (given: unknown) => loadRewards(rewardModules.parse(given), folder);
const request = {
  prompts: ["why?", "do it"],
  responses: ["abc", "a"],
  promptIds: [Int32Array.of(1), Int32Array.of(2)],
  responseIds: [Int32Array.of(1, 2, 3, 4), Int32Array.of(5)],
};

describe("reward functions of a config", () => {
  it("are named after the file or the export, or as they are told", async () => {
    const rewards = await load([
      { module: "./short.mjs" },
      { module: "./two.mjs#asks", weight: 10 },
      { module: "./two.mjs#tokens", name: "count", weight: 0.5 },
    ]);
    expect(rewards.map(({ name }) => name)).toEqual(["short", "asks", "count"]);
    // -3 + 10 * 1 + 0.5 * 4, -1 + 10 * 0 + 0.5 * 1
    expect(await sumOfRewards(rewards, request)).toEqual({
      scores: [9, -0.5],
      metrics: { "reward/short": -2, "reward/asks": 0.5, "reward/count": 2.5 },
    });
    expect((await load("./short.mjs")).map(({ name }) => name)).toEqual(["short"]);
    expect((await load(["./short.mjs", "./two.mjs#one"])).map(({ name }) => name)).toEqual(["short", "one"]);
  });

  it("must be there", async () => {
    const failure = (given: unknown) =>
      load(given).then(
        () => "nothing",
        (error: Error) => error.message.replaceAll(folder, "FOLDER"),
      );
    expect(await failure("./absent.mjs")).toContain(
      'reward function "./absent.mjs": cannot be imported; check the path and the file',
    );
    expect(await failure("./broken.mjs")).toContain('reward function "./broken.mjs": cannot be imported');
    expect(await failure("./two.mjs")).toBe(
      'reward function "./two.mjs": exports neither "default" nor "reward"; name the export after a "#"; exports: asks, tokens, one, nothing, nan, fails, text',
    );
    expect(await failure("./two.mjs#text")).toBe(
      'reward function "./two.mjs#text": is string; export a function (prompts, responses, tokens) that gives a number for each response',
    );
  });

  it("must have names of their own", async () => {
    const score = () => [];
    expect(() =>
      checkRewardNames([
        { name: "a", score },
        { name: "a", score },
      ]),
    ).toThrow('two reward functions are called "a"');
    expect(() => checkRewardNames([{ name: "model", score }])).toThrow('is called "model"');
  });
});

describe("what a reward function gives", () => {
  it.each([
    ["one", 'reward "one" gave 1 scores for 2 responses; it must give one for each'],
    ["nothing", 'reward "nothing" gave undefined; it must give a list of numbers, one for each response'],
    ["nan", 'reward "nan" gave NaN for response 0 ("abc"); it must be a finite number'],
    ["fails", 'reward "fails" failed: the service is down'],
  ])("is checked: %s", async (name, message) => {
    await expect(sumOfRewards(await load(`./two.mjs#${name}`), request)).rejects.toThrow(message);
  });
});
