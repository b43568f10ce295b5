import { createRandom } from "@alignkit/core";
import { expect, it } from "vitest";
import { createDuplicateFinder } from "./duplicates.js";

const earlierOf = (prompts: readonly string[], prefixLength: number) => {
  const finder = createDuplicateFinder(prefixLength);
  return prompts.map((prompt, number) => finder.add(prompt, number));
};

it("finds what shares a long prefix with an earlier prompt", () => {
  // "abcd" is shared by numbers 0, 1 and 3; "abc" is too short to be a duplicate of anything but itself.
  const prompts = ["abcdX", "abcdY", "abc", "abcd", "xabcd", "abc", ""];
  expect(earlierOf(prompts, 4)).toEqual([undefined, 0, undefined, 0, undefined, 2, undefined]);
});

it("compares whole characters of two units, also where the prefix ends within one", () => {
  // U+1F600 and U+1F601 share their first unit, U+1F600 and U+2F600 do not.
  expect(earlierOf(["\u{1f600}", "\u{1f601}", "\u{2f600}"], 2)).toEqual([undefined, undefined, undefined]);
  expect(earlierOf(["\u{1f600}", "\u{1f601}", "\u{2f600}"], 1)).toEqual([undefined, 0, undefined]);
});

it.each([1, 2, 3, 4, 5])("keeps the prompts that a comparison of all with all keeps, seed %i", (seed) => {
  const random = createRandom(seed);
  const prompts = Array.from({ length: 200 }, () =>
    Array.from({ length: random.integer(8) }, () => "ab"[random.integer(2)]).join(""),
  );
  const prefixLength = 1 + random.integer(5);
  const shared = (a: string, b: string) => {
    let length = 0;
    while (length < Math.min(a.length, b.length) && a[length] === b[length]) length++;
    return length;
  };
  const expected = prompts.map((prompt, number) => {
    const earlier = prompts
      .slice(0, number)
      .findIndex((other) => other === prompt || shared(other, prompt) >= prefixLength);
    return earlier === -1 ? undefined : earlier;
  });
  expect(earlierOf(prompts, prefixLength)).toEqual(expected);
});

it("refuses a prefix without characters", () => {
  expect(() => createDuplicateFinder(0)).toThrow("prefixLength 0 is not a positive integer");
});
