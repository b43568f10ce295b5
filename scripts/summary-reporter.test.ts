import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const config = fileURLToPath(new URL("./fixtures/summary/vitest.config.ts", import.meta.url));

test("a run with every outcome ends in counts that include the file that does not load", () => {
  const run = spawnSync(process.execPath, [vitest, "run", "--config", config], { encoding: "utf8" });

  expect(run.status).toBe(1);
  expect(run.stdout.trim().split("\n")).toEqual([
    "skipped: outcomes.case.ts > is skipped: no such device",
    "2 passed, 2 failed, 1 skipped",
  ]);
});

test("a run without failures or skips ends in two counts", () => {
  const run = spawnSync(
    process.execPath,
    [vitest, "run", "--config", config, "outcomes", "--testNamePattern", "passes"],
    { encoding: "utf8" },
  );

  expect(run.status).toBe(0);
  expect(run.stdout.trim().split("\n").at(-1)).toMatch(/^2 passed, 0 failed/);
});
