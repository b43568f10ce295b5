/** Kills and Ctrl-C in short; `scripts/kill-test.ts` does it at length, with damaged checkpoints. */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commands, outcome, type Stage, type Strike, survive, writeData } from "./survival.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-survival-"));
  await writeData(folder);
});
afterAll(() => rm(folder, { recursive: true }));

/** In the second step, before the first checkpoint; then, on what was resumed, Ctrl-C. */
const strikes: readonly Strike[] = [
  { signal: "SIGKILL", moment: { kind: "step", step: 1, milliseconds: 0 } },
  { signal: "SIGINT", moment: { kind: "step", step: 3, milliseconds: 0 } },
];

it.each(Object.keys(commands) as Stage[])(
  "a run of %s ends with the same bytes after all",
  async (stage) => {
    await survive(stage, folder, `${stage}-whole`, []);
    const story = await survive(stage, folder, stage, strikes);
    expect(story).toContain("kill -9 0 ms after step 1 (");
    expect(await outcome(folder, stage)).toEqual(await outcome(folder, `${stage}-whole`));
  },
  120_000,
);

it("what a kill left of a model directory is gone after the resume", { timeout: 120_000 }, async () => {
  const leftover = join(folder, "left/artifacts/sft.policy.tmp-4000000");
  await mkdir(leftover, { recursive: true });
  await writeFile(join(leftover, "model.safetensors"), "half");
  await survive("sft", folder, "left", []);
  expect(existsSync(leftover)).toBe(false);
  expect(readdirSync(join(folder, "left/artifacts"))).toEqual(["sft.policy"]);
});
