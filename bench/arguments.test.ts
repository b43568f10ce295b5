import { describe, expect, it } from "vitest";
import { parseArguments } from "./arguments.js";
import { comparisonsOf, modelSizes, workKinds } from "./comparisons.js";
import { findPython } from "./python.js";

const ids = (...list: string[]) => parseArguments(list).comparisons.map(({ id }) => id);

describe("parseArguments", () => {
  it("takes all work on the measured models in 7 rounds by default", () => {
    const { rounds, minutes, allocator } = parseArguments([]);
    // 10 kinds on 3 models, and starting.
    expect(ids()).toHaveLength(31);
    expect(ids().filter((id) => id.includes("tiny"))).toEqual([]);
    expect({ rounds, minutes, allocator }).toEqual({ rounds: 7, minutes: undefined, allocator: "tuned" });
  });
  it("takes kinds and models, or rows in their order", () => {
    expect(ids("--work", "score,sft", "--model", "tiny,5m")).toEqual([
      "score/tiny",
      "sft/tiny",
      "score/5m",
      "sft/5m",
    ]);
    expect(ids("--only", "ppo/135m,start,ppo/124m")).toEqual(["ppo/135m", "start", "ppo/124m"]);
  });
  it("names what is wrong", () => {
    expect(() => parseArguments(["--work", "sft,dance"])).toThrow('--work: "dance" is not one of sft, ');
    expect(() => parseArguments(["--only", "sft/9m"])).toThrow('--only: "sft/9m" is not one of sft/tiny, ');
    expect(() => parseArguments(["--only", "start", "--model", "5m"])).toThrow("--only names rows");
    expect(() => parseArguments(["--rounds", "0"])).toThrow('--rounds: "0" is not a whole number above 0');
    expect(() => parseArguments(["--add"])).toThrow("--add adds to a file: give --json FILE");
    expect(() => parseArguments(["--speed"])).toThrow("--speed");
  });
});

describe("comparisonsOf", () => {
  it("pairs only contestants that are there, and gives all of a comparison the same sizes", () => {
    for (const { contestants, pairings, sizes } of comparisonsOf(workKinds, modelSizes)) {
      const names = contestants.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const { ours, peers } of pairings) expect(names).toEqual(expect.arrayContaining([ours, ...peers]));
      for (const { request } of contestants) {
        expect(Object.keys(request).filter((key) => key in sizes)).toEqual([]);
      }
    }
  });
  it("spreads the ends of ragged rows to a mean near half of the tokens", () => {
    const [comparison] = comparisonsOf(["generate-ragged"], ["124m"]);
    const ends = comparison!.sizes.ends as number[];
    // Quantiles 1/32, 3/32 .. 31/32 of the geometric distribution of mean 32, those above 64 cut.
    expect(ends.toSorted((a, b) => a - b)).toEqual([
      1, 4, 6, 8, 11, 14, 17, 20, 24, 29, 34, 40, 48, 59, 64, 64,
    ]);
  });
});

describe("backends", () => {
  const [onnx, both] = [[], ["--backend", "onnx", "--backend", "tfjs:wasm"]].map(
    (list) => parseArguments([...list, "--only", "sft/5m"]).comparisons[0]!,
  );
  it("enter each piece of our work once, and peers once", () => {
    expect(both?.contestants.map(({ name }) => name)).toEqual([
      "sft",
      "sft, tfjs:wasm",
      "sft_step_nano",
      "sft_step_nano, onednn",
      "sft_step_hf",
    ]);
  });
  it("are set beside the first, and each beside the peers", () => {
    const aimedFor = both?.pairings.flatMap(({ ours, peers, target }) =>
      target === undefined ? [] : [[ours, peers[0], target]],
    );
    expect(aimedFor).toEqual([
      ["sft", "sft_step_nano", 0.9],
      ["sft", "sft_step_hf", { tiny: 0.8, "5m": 0.8, "124m": 0.75 }],
      ["sft, tfjs:wasm", "sft", 6],
    ]);
  });
  it("leave names as they are on onnx alone", () => {
    expect(onnx?.contestants[0]).toMatchObject({ name: "sft", backend: "onnx" });
  });
});

describe("findPython", () => {
  it("prefers the option to the environment", () => {
    expect(findPython("a/python", { ALIGNKIT_PYTHON: "b/python" })).toBe("a/python");
    expect(findPython(undefined, { ALIGNKIT_PYTHON: "b/python" })).toBe("b/python");
  });
});
