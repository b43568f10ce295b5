import { referenceBackend } from "@alignkit/core";
import { expect, it } from "vitest";
import type { Costs } from "../performance/costs.js";
import { countingBackend } from "../performance/watched-backends.js";
import type { WorkRequest } from "./item.js";
import { makePpo, makeReward, makeSft } from "./stage-items.js";

const vocabulary = 128;
const request: WorkRequest = { work: "", model: "gpt2-tiny", batch: 2 };

/** Bytes that the optimizer touches in each of three runs. */
async function optimizerBytes(make: typeof makeSft, more: Partial<WorkRequest>): Promise<number[]> {
  const counting = countingBackend(new Set(["adamWUpdate"]), vocabulary);
  const item = await make(counting, { ...request, ...more });
  const runs: Costs[] = [];
  for (let run = 0; run < 3; run++) {
    await item.run();
    runs.push(counting.takeCosts());
  }
  await item.dispose();
  // What the stage writes when it ends is nothing: it was interrupted.
  expect(counting.takeCosts()).toEqual({});
  return runs.map(({ optimizer }) => optimizer?.bytes ?? 0);
}

it("a run is an update of the sft stage, or as many as the chats make", async () => {
  const [first = 0, ...others] = await optimizerBytes(makeSft, { length: 8 });
  expect(others).toEqual([first, first]);
  // Three chats in batches of two are two updates.
  const chats: WorkRequest["chats"] = [
    [1, 3],
    [2, 2],
    [1, 2],
  ];
  expect(await optimizerBytes(makeSft, { chats })).toEqual([2 * first, 2 * first, 2 * first]);
});

it("a run is an update of the reward stage for each prompt", async () => {
  const sizes = { k: 3, prompt: 3, response: 4 };
  const [one = 0] = await optimizerBytes(makeReward, { ...sizes, prompts: 1 });
  expect(await optimizerBytes(makeReward, { ...sizes, prompts: 2 })).toEqual([2 * one, 2 * one, 2 * one]);
});

it("a run is an iteration of the ppo stage", async () => {
  const backend = referenceBackend();
  const sizes = { episodes: 2, prompt: 2, response: 3, minibatches: 2 };
  const item = await makePpo(backend, { ...request, ...sizes });
  const runs = [await item.run(), await item.run()];
  await item.dispose();
  expect(runs.map(({ tokens }) => tokens)).toEqual([10, 10]);
  // The policy starts as its reference, and has moved by the second iteration.
  const kl = runs.map((run) => Math.abs(run.kl as number));
  expect(kl[0]).toBeLessThan(1e-5);
  expect(kl[1]).toBeGreaterThan(1e-5);
});
