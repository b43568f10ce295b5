import { expect, it } from "vitest";
import { reachOf } from "./reach.js";

/** 100 GFLOP/s, 10 GB/s and 5 GB/s. */
const peaks = { flops: 100e9, bytes: 10e9, weights: 5e9 };

const costs = {
  // 2 s of arithmetic; 0.1 s of memory is less.
  products: { flops: 200e9, bytes: 1e9 },
  // 0.5 s.
  head: { flops: 50e9, bytes: 0 },
  // 4 GB: 400 ms.
  optimizer: { flops: 0, bytes: 4e9 },
  // 0.1 GB: 10 ms, less than a tenth of the rest.
  embedding: { flops: 0, bytes: 0.1e9 },
};
const profiled = {
  milliseconds: 4000,
  byPart: { products: 2900, head: 600, optimizer: 450, embedding: 20, host: 30 },
  shortestByPart: { products: 2500, head: 400, embedding: 15 },
  longest: [],
};

it("adds up what must be done, and what the target leaves for it", () => {
  const reach = reachOf(0.75, { own: 3600, peer: 4000 }, { costs, profiled }, peaks);
  expect(reach).toEqual({
    // 0.75 * 4000
    allowed: 3000,
    flops: 250e9,
    // 2000, and of the head its own 400, which are less than 500.
    productsAtBest: 2400,
    productsAtShapes: 2900,
    // 2900, 15 of the embedding, 400 of the optimizer.
    operatorsAtShapes: 3315,
    rest: 410,
    restParts: [{ part: "optimizer", bytes: 4e9, milliseconds: 400 }],
    // 2810, 3310 and 3315, each / 4000
    leastAtBest: 0.7025,
    leastAtShapes: 0.8275,
    leastOfOperators: 0.82875,
    // 250 GFLOP in 3000 - 410 ms.
    neededRate: 250e9 / 2.59,
    // 2900 - 2000, 600 - 500, 450 - 400; the host's 30 and the embedding's 10 are less.
    gaps: [
      { part: "products", milliseconds: 900 },
      { part: "head", milliseconds: 100 },
      { part: "optimizer", milliseconds: 50 },
    ],
  });
});

it("knows no rate that is enough where the rest alone takes too long", () => {
  // 0.1 * 4000 = 400 ms; the rest takes 410.
  expect(reachOf(0.1, { own: 3600, peer: 4000 }, { costs, profiled }, peaks).neededRate).toBeNull();
});

it("takes the mean of a part of which no shortest call is known", () => {
  const { productsAtShapes } = reachOf(
    1,
    { own: 4000, peer: 1 },
    { costs, profiled: { ...profiled, shortestByPart: {} } },
    peaks,
  );
  // 2900 + 600
  expect(productsAtShapes).toBe(3500);
});

it("takes no part to be longer at the least than it was in the shortest run", () => {
  // Of 3000 ms 2625 for products, less than 2900, and 375 for the rest, less than 410.
  const { productsAtShapes, rest, leastAtShapes } = reachOf(
    0.7,
    { own: 3000, peer: 4000 },
    { costs, profiled },
    peaks,
  );
  expect({ productsAtShapes, rest, leastAtShapes }).toEqual({
    productsAtShapes: 2625,
    rest: 375,
    leastAtShapes: 0.75,
  });
});
