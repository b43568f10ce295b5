import { describe, expect, it } from "vitest";
import {
  type Cursor,
  createOrder,
  fileOrder,
  type OrderOptions,
  type Permutation,
  startOfData,
} from "./order.js";

/** Rotated by the epoch: easy to follow, different in each epoch. */
const rotated: Permutation = (count, epoch) =>
  Array.from({ length: count }, (_, index) => (index + epoch) % count);

const take = (options: OrderOptions, batches: number, from: Cursor = startOfData) => {
  const order = createOrder(options);
  const taken: (readonly number[])[] = [];
  let cursor = from;
  for (let batch = 0; batch < batches; batch++) {
    const { indices, next } = order.take(cursor);
    taken.push(indices);
    cursor = next;
  }
  return { taken, cursor };
};

describe("createOrder", () => {
  const options = { count: 5, batchSize: 2, permutation: rotated };

  it("keeps, drops or fills up the last batch of an epoch", () => {
    expect(take({ ...options, last: "keep" }, 4).taken).toEqual([[0, 1], [2, 3], [4], [1, 2]]);
    expect(take({ ...options, last: "drop" }, 4).taken).toEqual([
      [0, 1],
      [2, 3],
      [1, 2],
      [3, 4],
    ]);
    expect(take({ ...options, last: "wrap" }, 4).taken).toEqual([
      [0, 1],
      [2, 3],
      [4, 1],
      [2, 3],
    ]);
  });

  it("drops nothing where batches fill the epoch", () => {
    expect(take({ ...options, count: 4, last: "drop" }, 2)).toEqual({
      taken: [
        [0, 1],
        [2, 3],
      ],
      cursor: { epoch: 1, index: 0 },
    });
  });

  it("counts the batches of an epoch", () => {
    const count = (last: "drop" | "keep" | "wrap") => createOrder({ ...options, last }).batchesPerEpoch;
    expect([count("keep"), count("drop"), count("wrap")]).toEqual([3, 2, 2]);
  });

  it.each(["keep", "drop", "wrap"] as const)(
    "goes on from a stored cursor as if never stopped (%s)",
    (last) => {
      const whole = take({ ...options, last }, 9);
      for (let stop = 0; stop < 9; stop++) {
        const stored: Cursor = JSON.parse(JSON.stringify(take({ ...options, last }, stop).cursor));
        const rest = take({ ...options, last }, 9 - stop, stored);
        expect(rest.taken).toEqual(whole.taken.slice(stop));
        expect(rest.cursor).toEqual(whole.cursor);
      }
    },
  );

  it("gives each example once an epoch", () => {
    const { taken, cursor } = take({ ...options, last: "keep" }, 3);
    expect(taken.flat().sort()).toEqual([0, 1, 2, 3, 4]);
    expect(cursor).toEqual({ epoch: 1, index: 0 });
  });

  it("fills a batch from several epochs where there are few examples", () => {
    expect(take({ count: 2, batchSize: 5, permutation: fileOrder, last: "wrap" }, 1).taken).toEqual([
      [0, 1, 0, 1, 0],
    ]);
  });

  it("keeps file order where asked", () => {
    expect(take({ count: 3, batchSize: 3, permutation: fileOrder }, 2).taken).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });

  it("refuses what makes no batch", () => {
    expect(() => createOrder({ ...options, count: 0 })).toThrow("createOrder: 0 examples make no batch of 2");
    expect(() => createOrder({ ...options, count: 1, last: "drop" })).toThrow(
      "1 examples make no batch of 2",
    );
  });
});
