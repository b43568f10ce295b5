import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { mixRows } from "./mix.js";

async function* numbers(start: number, count: number) {
  for (let number = start; number < start + count; number++) yield number;
}

async function collect(rows: AsyncIterable<number>) {
  const collected: number[] = [];
  for await (const row of rows) collected.push(row);
  return collected;
}

const mix = (seed: number) =>
  collect(
    mixRows(
      [
        { rows: numbers(0, 100_000), weight: 3 },
        { rows: numbers(1_000_000, 1000), weight: 1 },
      ],
      createRandom(seed),
    ),
  );

it("takes rows by weight and in order, until a set has no more", async () => {
  const mixed = await mix(1);
  const [first, second] = [mixed.filter((row) => row < 1_000_000), mixed.filter((row) => row >= 1_000_000)];
  expect(second).toEqual(await collect(numbers(1_000_000, 1000)));
  expect(first).toEqual(await collect(numbers(0, first.length)));
  // Before 1001 draws of one in four: 3003 of the others; standard deviation sqrt(1001 * 0.75) / 0.25 = 110.
  expect(Math.abs(first.length - 3003)).toBeLessThan(440);
});

it("is the same for the same seed, another for another", async () => {
  expect(await mix(1)).toEqual(await mix(1));
  expect(await mix(2)).not.toEqual(await mix(1));
});

it("closes all sets when one ends or the reader stops", async () => {
  const closed: string[] = [];
  async function* watched(name: string, count: number) {
    try {
      yield* numbers(0, count);
    } finally {
      closed.push(name);
    }
  }
  const sources = () => [
    { rows: watched("a", 1000), weight: 1 },
    { rows: watched("b", 3), weight: 1 },
  ];
  await collect(mixRows(sources(), createRandom(0)));
  expect(closed.toSorted()).toEqual(["a", "b"]);
  for await (const _ of mixRows(sources(), createRandom(0))) if (closed.length < 4) break;
});

it("refuses a weight of 0", async () => {
  await expect(collect(mixRows([{ rows: numbers(0, 1), weight: 0 }], createRandom(0)))).rejects.toThrow(
    "weight 0 is not above 0",
  );
});
