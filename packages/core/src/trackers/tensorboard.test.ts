import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTracker } from "../tracker.js";
import { readRecords } from "./event-file.js";
import { createTensorBoard } from "./tensorboard.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-tensorboard-"));
});
afterEach(() => rm(directory, { recursive: true }));

const open = () => createTensorBoard({ directory, wallTime: () => 2000 });
const files = (stage: string) => readdir(join(directory, stage));
const records = async (stage: string) => {
  const [name, ...others] = await files(stage);
  expect(others).toEqual([]);
  return readRecords(await readFile(join(directory, stage, name as string)));
};
/** Steps with the beginning of each file at 0. */
const steps = async (stage: string) => (await records(stage)).map(({ step }) => step);

describe("createTensorBoard", () => {
  it("writes an event at once, into the folder of its stage", async () => {
    const sink = open();
    sink.write({ stage: "sft", step: 1, metrics: { loss: 2.5 } });
    sink.write({ stage: "reward", step: 7, metrics: { accuracy: 0.5, loss: Number.NaN } });
    expect(await steps("sft")).toEqual([0, 1]);
    expect(await steps("reward")).toEqual([0, 7]);
    const [, event] = await records("reward");
    expect(Buffer.from(event?.bytes as Uint8Array).toString("latin1")).toContain("accuracy");
    sink.close();
  });

  it("goes on in the same file, without an event that was cut short", async () => {
    const first = open();
    first.write({ stage: "sft", step: 1, metrics: { loss: 2.5 } });
    first.close();
    const [name] = await files("sft");
    await appendFile(join(directory, "sft", name as string), "\x20\0\0\0\0\0\0\0half");
    const second = open();
    second.write({ stage: "sft", step: 2, metrics: { loss: 2 } });
    second.close();
    expect(await steps("sft")).toEqual([0, 1, 2]);
    expect(await files("sft")).toEqual([name]);
  });

  it("forgets what a killed attempt wrote after the checkpoint, of its stage only", async () => {
    const killed = open();
    for (const step of [1, 2, 3]) killed.write({ stage: "sft", step, metrics: { loss: step } });
    killed.write({ stage: "reward", step: 3, metrics: { loss: 3 } });
    const resumed = open();
    const tracker = createTracker("sft", [resumed], () => 1);
    tracker.log(2, { loss: 2 });
    tracker.log(3, { loss: 3 });
    // The file's version, the restart that tells a running TensorBoard to forget, the step that stays, the new ones.
    expect(await steps("sft")).toEqual([0, 0, 1, 2, 3]);
    expect(await steps("reward")).toEqual([0, 3]);
    resumed.close();
    const again = open();
    createTracker("sft", [again]).log(1, { loss: 1 });
    again.close();
    expect(await steps("sft")).toEqual([0, 0, 1]);
  });

  it("removes an older file that a kill left behind", async () => {
    const sink = open();
    sink.write({ stage: "sft", step: 1, metrics: { loss: 1 } });
    sink.close();
    const [name] = await files("sft");
    const copy = await readFile(join(directory, "sft", name as string));
    await writeFile(join(directory, "sft", "events.out.tfevents.0000000001.alignkit"), copy);
    const next = open();
    next.write({ stage: "sft", step: 2, metrics: { loss: 1 } });
    next.close();
    expect(await files("sft")).toEqual(["events.out.tfevents.0000000001.alignkit"]);
    expect(await steps("sft")).toEqual([0, 1, 2]);
  });
});
