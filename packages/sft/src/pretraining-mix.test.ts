import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { mixTexts } from "./pretraining-mix.js";

const epochs = (mix: ReturnType<typeof mixTexts>, count: number) =>
  Array.from({ length: count }, (_, epoch) => [...Array.from(mix.permutation(mix.count, epoch))]);

describe("mixTexts", () => {
  it("puts texts at even distances and goes on with unused ones", () => {
    // 6 demonstrations are three quarters of 8 examples. Texts 6, 7, 8 take turns over the epochs.
    const mix = mixTexts({ demonstrations: 6, texts: 3, share: 0.25, random: undefined });
    expect(mix.count).toBe(8);
    expect(epochs(mix, 3)).toEqual([
      [0, 1, 2, 6, 3, 4, 5, 7],
      [0, 1, 2, 8, 3, 4, 5, 6],
      [0, 1, 2, 7, 3, 4, 5, 8],
    ]);
  });

  it("is a tenth of each update of the paper's 32 examples, up to one", () => {
    const mix = mixTexts({ demonstrations: 900, texts: 5000, share: 0.1, random: createRandom(1) });
    expect(mix.count).toBe(1000);
    const [order] = epochs(mix, 1);
    for (let start = 0; start + 32 <= 1000; start += 32) {
      const texts = order!.slice(start, start + 32).filter((index) => index >= 900).length;
      expect([3, 4]).toContain(texts);
    }
  });

  it("shuffles both from the seed, each pass anew and each text once a pass", () => {
    const make = () =>
      epochs(mixTexts({ demonstrations: 6, texts: 4, share: 0.25, random: createRandom(3) }), 4);
    const orders = make();
    expect(make()).toEqual(orders);
    for (const order of orders) {
      expect(order.filter((index) => index < 6).toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
    }
    // 2 texts an epoch: epochs 0 and 1 are the first pass over all 4.
    const texts = orders.map((order) => order.filter((index) => index >= 6));
    expect([...texts[0]!, ...texts[1]!].toSorted()).toEqual([6, 7, 8, 9]);
    expect([...texts[2]!, ...texts[3]!].toSorted()).toEqual([6, 7, 8, 9]);
    expect(new Set(orders.map((order) => order.filter((index) => index < 6).join())).size).toBeGreaterThan(1);
  });

  it("without texts is the order of the demonstrations alone", () => {
    const random = createRandom(5);
    const mix = mixTexts({ demonstrations: 7, texts: 0, share: 0.1, random });
    expect(mix.count).toBe(7);
    expect(epochs(mix, 2)[1]).toEqual([...random.split("epoch-1").permutation(7)]);
  });
});
