import { describe, expect, it } from "vitest";
import { parseArguments } from "./arguments.js";
import { comparisonsOf } from "./comparisons.js";
import { findPython } from "./python.js";

describe("parseArguments", () => {
  it("takes all work on both models in 7 rounds by default", () => {
    const { kinds, sizes, rounds, allocator } = parseArguments([]);
    expect(comparisonsOf(kinds, sizes).map(({ kind, model }) => `${kind} ${model}`)).toEqual([
      "sft gpt2-5m",
      "generate gpt2-5m",
      "score gpt2-5m",
      "sft gpt2-124m",
      "generate gpt2-124m",
      "score gpt2-124m",
    ]);
    expect({ rounds, allocator }).toEqual({ rounds: 7, allocator: "tuned" });
  });
  it("names what is wrong", () => {
    expect(() => parseArguments(["--work", "sft,dance"])).toThrow(
      '--work: "dance" is not one of sft, generate, score',
    );
    expect(() => parseArguments(["--rounds", "0"])).toThrow('--rounds: "0" is not a whole number above 0');
    expect(() => parseArguments(["--speed"])).toThrow("--speed");
  });
});

describe("comparisonsOf", () => {
  it("pairs only contestants that are there, and gives all of a comparison the same sizes", () => {
    for (const { contestants, pairings, sizes } of comparisonsOf(
      ["sft", "generate", "score"],
      ["5m", "124m"],
    )) {
      const names = contestants.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const { ours, peers } of pairings) expect(names).toEqual(expect.arrayContaining([ours, ...peers]));
      for (const { request } of contestants) {
        expect(Object.keys(request).filter((key) => key in sizes)).toEqual([]);
      }
    }
  });
});

describe("backends", () => {
  const names = (list: readonly string[]) => {
    const { kinds, sizes, backends } = parseArguments([...list, "--work", "sft", "--model", "5m"]);
    return comparisonsOf(kinds, sizes, backends)[0]!;
  };
  it("enter each piece of our work once, and peers once", () => {
    expect(
      names(["--backend", "onnx", "--backend", "tfjs:wasm"]).contestants.map(({ name }) => name),
    ).toEqual(["sft_step", "sft_step, tfjs:wasm", "sft_step_nano", "sft_step_nano, onednn", "sft_step_hf"]);
  });
  it("are set beside the first, and each beside the peers", () => {
    const { pairings } = names(["--backend", "onnx", "--backend", "tfjs:wasm"]);
    expect(pairings.filter(({ target }) => target !== undefined)).toEqual([
      { ours: "sft_step", peers: ["sft_step_nano", "sft_step_nano, onednn"], target: 1 },
      { ours: "sft_step, tfjs:wasm", peers: ["sft_step"], target: 6 },
    ]);
  });
  it("leave names as they are on onnx alone", () => {
    expect(names([]).contestants[0]).toMatchObject({ name: "sft_step", backend: "onnx" });
  });
});

describe("findPython", () => {
  it("prefers the option to the environment", () => {
    expect(findPython("a/python", { ALIGNKIT_PYTHON: "b/python" })).toBe("a/python");
    expect(findPython(undefined, { ALIGNKIT_PYTHON: "b/python" })).toBe("b/python");
  });
});
