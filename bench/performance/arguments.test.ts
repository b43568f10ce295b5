import { expect, it } from "vitest";
import { parseArguments } from "./arguments.js";

it("measures all unless told what", () => {
  const { only, works, curves, largestBytes } = parseArguments([]);
  expect(only).toEqual(["peaks", "works", "curves", "page"]);
  expect(works).toBe("missed");
  // Six of graphs, three of data.
  expect(curves).toHaveLength(9);
  expect(largestBytes).toBe(2_147_483_648);
  expect(parseArguments(["--works", "ppo/124m,sft/5m"]).works).toEqual(["ppo/124m", "sft/5m"]);
});

it("names what is wrong", () => {
  expect(() => parseArguments(["--only", "pages"])).toThrow('--only: "pages" is not one of peaks, ');
  expect(() => parseArguments(["--works", "start"])).toThrow('--works: "start" is not one of ');
  expect(() => parseArguments(["--curves", "length,weight"])).toThrow(
    '--curves: "weight" is not one of length, ',
  );
  expect(() => parseArguments(["--seconds", "0"])).toThrow('--seconds: "0" is not a whole number above 0');
});
