import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMetricsFile } from "./metrics-file.js";
import { createTracker } from "./tracker.js";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-metrics-"));
  path = join(directory, "metrics.jsonl");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const lines = async () => (await readFile(path, "utf8")).split("\n");

describe("createMetricsFile", () => {
  it("writes a line at once", async () => {
    const file = createMetricsFile(path);
    file.write({ stage: "sft", step: 1, metrics: { loss: 0.1, "policy/clip_fraction": 1e-9 } });
    expect(await lines()).toEqual(['{"stage":"sft","step":1,"loss":0.1,"policy/clip_fraction":1e-9}', ""]);
    file.write({ stage: "sft", step: 2, metrics: { loss: Number.NaN } });
    expect(await lines()).toContain('{"stage":"sft","step":2,"loss":null}');
    expect(() => file.write({ stage: "sft", step: 3, metrics: { step: 9 } })).toThrow('"step" is reserved');
    file.close();
  });

  it("goes on after what is there, without a last line that was cut short", async () => {
    await writeFile(path, '{"stage":"sft","step":1}\n{"stage":"sf');
    const file = createMetricsFile(path);
    file.write({ stage: "sft", step: 2, metrics: {} });
    file.close();
    expect(await lines()).toEqual(['{"stage":"sft","step":1}', '{"stage":"sft","step":2}', ""]);
  });

  it("forgets only what its stage wrote after the step", async () => {
    const file = createMetricsFile(path);
    for (const [stage, step] of [
      ["sft", 1],
      ["sft", 9],
      ["ppo", 1],
      ["ppo", 2],
      ["ppo", 3],
    ] as const) {
      file.write({ stage, step, metrics: {} });
    }
    file.rewind?.("ppo", 2);
    file.write({ stage: "ppo", step: 3, metrics: { again: 1 } });
    file.close();
    expect(await lines()).toEqual([
      '{"stage":"sft","step":1}',
      '{"stage":"sft","step":9}',
      '{"stage":"ppo","step":1}',
      '{"stage":"ppo","step":2}',
      '{"stage":"ppo","step":3,"again":1}',
      "",
    ]);
  });
});

describe("createTracker", () => {
  it("writes to each sink, and rewinds each before the first line, once", () => {
    const events: string[] = [];
    const sink = (name: string) => ({
      write: ({ stage, step }: { stage: string; step: number }) =>
        void events.push(`${name} ${stage} ${step}`),
      rewind: (stage: string, step: number) => void events.push(`${name} rewinds ${stage} to ${step}`),
      close() {},
    });
    const resumed = createTracker("sft", [sink("a"), sink("b")], () => 4);
    resumed.log(5, {});
    resumed.log(6, {});
    expect(events).toEqual([
      "a rewinds sft to 4",
      "b rewinds sft to 4",
      "a sft 5",
      "b sft 5",
      "a sft 6",
      "b sft 6",
    ]);
    events.length = 0;
    createTracker("sft", [sink("a")]).log(0, {});
    expect(events).toEqual(["a rewinds sft to -Infinity", "a sft 0"]);
  });
});
