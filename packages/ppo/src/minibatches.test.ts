import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { minibatches } from "./minibatches.js";

const items = Array.from({ length: 12 }, (_, index) => index);
const epoch = (number: number) => [...minibatches(items, 4, createRandom(7), number)];

it("gives every item once an epoch", () => {
  expect(epoch(0).map((minibatch) => minibatch.length)).toEqual([4, 4, 4]);
  expect(
    epoch(0)
      .flat()
      .sort((a, b) => a - b),
  ).toEqual(items);
});

it("orders each epoch anew, and the same epoch alike", () => {
  expect(epoch(1)).not.toEqual(epoch(0));
  expect(epoch(1)).toEqual(epoch(1));
});
