import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { capPerUser, noUser } from "./user-cap.js";

it.each([1, 2, 3, 4])("leaves min(rows, cap) rows of each user, and all without one, seed %i", (seed) => {
  const random = createRandom(seed);
  const users = Array.from({ length: 300 }, () => random.integer(20) - 1);
  const maximum = random.integer(12);
  const stays = capPerUser(users, maximum, random);
  for (let user = noUser; user < 19; user++) {
    const rows = users.flatMap((one, row) => (one === user ? [row] : []));
    const kept = rows.filter((row) => stays[row] === 1).length;
    expect(kept, `user ${user}`).toBe(user === noUser ? rows.length : Math.min(rows.length, maximum));
  }
});

it("keeps each row of a user alike often, and the same for the same seed", () => {
  const users = new Int32Array(5);
  const kept = new Float64Array(5);
  for (let seed = 0; seed < 2000; seed++) {
    const stays = capPerUser(users, 2, createRandom(seed));
    stays.forEach((stay, row) => {
      kept[row] = (kept[row] as number) + stay;
    });
  }
  // 2 of 5 rows, 2000 times: 800 each; one standard deviation is sqrt(2000 * 0.4 * 0.6) = 22.
  for (const count of kept) expect(Math.abs(count - 800)).toBeLessThan(100);
  expect(capPerUser(users, 2, createRandom(7))).toEqual(capPerUser(users, 2, createRandom(7)));
});
