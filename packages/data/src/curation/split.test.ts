import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { splitOf } from "./split.js";

it("divides users by the shares, on average", () => {
  const random = createRandom(3);
  const counts = { train: 0, eval: 0, test: 0 };
  for (let user = 0; user < 5000; user++)
    counts[splitOf(`user ${user}`, { evaluation: 0.1, test: 0.2 }, random)]++;
  // 500, 1000, 3500 of 5000; standard deviations 21, 28, 32.
  expect(Math.abs(counts.eval - 500)).toBeLessThan(100);
  expect(Math.abs(counts.test - 1000)).toBeLessThan(130);
  expect(counts.train + counts.eval + counts.test).toBe(5000);
});

it("depends on seed and user, not on what was asked before", () => {
  const shares = { evaluation: 0.5, test: 0 };
  const users = Array.from({ length: 40 }, (_, user) => `user ${user}`);
  const splits = (order: readonly string[], seed: number) => {
    const random = createRandom(seed);
    return new Map(order.map((user) => [user, splitOf(user, shares, random)]));
  };
  const forward = splits(users, 1);
  const backward = splits(users.toReversed(), 1);
  for (const user of users) expect(forward.get(user)).toBe(backward.get(user));
  expect([...splits(users, 2).values()]).not.toEqual([...forward.values()]);
});

it("puts nobody into a split of share 0", () => {
  const random = createRandom(0);
  const splits = new Set(
    Array.from({ length: 300 }, (_, user) => splitOf(`${user}`, { evaluation: 0, test: 1 }, random)),
  );
  expect([...splits]).toEqual(["test"]);
});
