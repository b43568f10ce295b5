import { describe, expect, it } from "vitest";
import { createRandom, restoreRandom } from "./random.js";

const draw = (count: number, next: () => number) => Array.from({ length: count }, next);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Pearson's r. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const [da, db] = [value - meanA, b[index]! - meanB];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return ab / Math.sqrt(aa * bb);
}

describe("createRandom", () => {
  it("gives the known numbers", () => {
    // From a Python implementation of xoroshiro128+ (24, 16, 37), seeded with the first 16 bytes of sha256("[42]")
    // as four little-endian words, and of sha256('[42,"rollout"]').
    const random = createRandom(42);
    expect(draw(3, random.uniform)).toEqual([0.5413521794340045, 0.6578564843813982, 0.7148916578934766]);
    expect(draw(6, () => random.integer(10))).toEqual([3, 8, 3, 3, 6, 0]);
    const normals = [-1.057083277198389, -2.337103915339453, -1.2027576097825912];
    for (const normal of normals) expect(random.normal()).toBeCloseTo(normal, 14);
    expect([...random.permutation(7)]).toEqual([1, 0, 6, 5, 3, 4, 2]);
    expect(random.split("rollout").uniform()).toBe(0.8463961903281942);
  });

  it("refuses a seed or bound that is not a usable integer", () => {
    expect(() => createRandom(0.5)).toThrow("seed 0.5");
    expect(() => createRandom(2 ** 53)).toThrow(RangeError);
    expect(() => createRandom(1).integer(0)).toThrow("bound 0");
    expect(() => createRandom(1).integer(2.5)).toThrow(RangeError);
  });

  it("has the moments of a uniform and of a normal variable", () => {
    const random = createRandom(7);
    const count = 200_000;
    const uniforms = draw(count, random.uniform);
    expect(Math.min(...uniforms.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(uniforms.every((value) => value >= 0 && value < 1)).toBe(true);
    // Standard error of the mean: sqrt(1/12/200000) = 6.5e-4; four of them.
    expect(Math.abs(mean(uniforms) - 0.5)).toBeLessThan(2.6e-3);
    const normals = draw(count, random.normal);
    // Standard errors: mean 2.2e-3, variance sqrt(2/n) = 3.2e-3, fourth moment sqrt(96/n) = 2.2e-2; four of them.
    expect(Math.abs(mean(normals))).toBeLessThan(9e-3);
    expect(Math.abs(mean(normals.map((value) => value ** 2)) - 1)).toBeLessThan(1.3e-2);
    expect(Math.abs(mean(normals.map((value) => value ** 4)) - 3)).toBeLessThan(8.8e-2);
  });

  it("draws integers without bias, of a bound that does not divide 2^32", () => {
    const random = createRandom(11);
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let index = 0; index < 70_000; index++) counts[random.integer(7)]!++;
    // Chi squared with 6 degrees of freedom stays below 22.46 with probability 0.999.
    const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquared).toBeLessThan(22.46);
  });

  it("permutes: each index once, every order of three about as often", () => {
    const random = createRandom(3);
    for (const length of [0, 1, 2, 17, 1000]) {
      const order = [...random.permutation(length)].sort((a, b) => a - b);
      expect(order).toEqual(Array.from({ length }, (_, index) => index));
    }
    const counts = new Map<string, number>();
    for (let index = 0; index < 6000; index++) {
      const order = random.permutation(3).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Binomial(6000, 1/6): standard deviation 28.9; four of them.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(116);
  });
});

describe("split", () => {
  it("does not depend on how far the parent has advanced, nor moves it", () => {
    for (let seed = 0; seed < 20; seed++) {
      const fresh = createRandom(seed);
      const used = createRandom(seed);
      draw(seed * 3 + 1, used.normal);
      expect(draw(5, used.split("a").uniform)).toEqual(draw(5, fresh.split("a").uniform));
      const untouched = createRandom(seed);
      expect(fresh.uniform()).toBe(untouched.uniform());
    }
  });

  it("gives unrelated streams for near seeds, near names and each level", () => {
    const streams = [
      createRandom(1),
      createRandom(2),
      createRandom(-1),
      createRandom(1).split("a"),
      createRandom(1).split("b"),
      createRandom(1).split("a").split("b"),
      createRandom(1).split("ab"),
      createRandom(1).split('a","b'),
      createRandom(2).split("a"),
    ].map((random) => draw(10_000, random.uniform));
    for (const [index, stream] of streams.entries()) {
      for (const other of streams.slice(index + 1)) {
        // Standard error of r is 0.01; 36 pairs, four and a half of them.
        expect(Math.abs(correlation(stream, other))).toBeLessThan(0.045);
        expect(stream[0]).not.toBe(other[0]);
      }
    }
  });
});

describe("restoreRandom", () => {
  it("goes on from any point, through JSON", () => {
    for (let advanced = 0; advanced < 8; advanced++) {
      const random = createRandom(5).split("rollout");
      draw(advanced, random.normal);
      const restored = restoreRandom(JSON.parse(JSON.stringify(random.state())));
      expect(draw(5, restored.normal)).toEqual(draw(5, random.normal));
      expect(restored.integer(1000)).toBe(random.integer(1000));
      expect(restored.split("x").uniform()).toBe(random.split("x").uniform());
    }
  });
});
