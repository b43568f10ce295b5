import { expect, it } from "vitest";
import { memoryNeeds } from "./memory-needs.js";

it("counts what decoding holds", () => {
  const needs = memoryNeeds({ work: "generate", model: "gpt2-tiny", batch: 3, prompt: 5, new: 7 });
  // 128 + 128 rows of 64; two layers of 4 * 64 of norms, 64 * 192 + 192, 64 * 64 + 64, 64 * 256 + 256, 256 * 64 + 64;
  // a last norm of 2 * 64. Floats of 4 bytes.
  const layer = 256 + 12_480 + 4160 + 16_640 + 16_448;
  const parameters = 4 * (256 * 64 + 2 * layer + 128);
  expect(needs?.held).toEqual({
    parameters,
    // Packed for few rows
    "weights in another form": parameters,
    // Keys and values, 2 layers, 64 wide, 3 rows of 12 slots.
    "key-value cache": 2 * 2 * 64 * 3 * 12 * 4,
    "Node.js and ONNX Runtime": 143 * 2 ** 20,
  });
});

it("counts what decoding of many rows transposes", () => {
  const held = (work: object) =>
    memoryNeeds({ work: "generate", model: "gpt2-tiny", batch: 16, ...work })?.held[
      "weights in another form"
    ];
  // Two layers of 64 * 192 + 64 * 64 + 2 * 64 * 256
  expect(held({})).toBe(4 * 2 * 49_152);
  expect(held({ ends: [1] })).toBe(4 * 2 * 49_152);
});

it("knows of each work that has a model", () => {
  const of = (work: string) => memoryNeeds({ work, model: "gpt2-tiny", batch: 2 });
  const total = (work: string) => Object.values(of(work)?.held ?? {}).reduce((sum, bytes) => sum + bytes, 0);
  expect(total("sft")).toBeGreaterThan(total("score"));
  expect(total("ppo")).toBeGreaterThan(total("sft"));
  expect(Object.keys(of("reward")?.held ?? {})).toContain("gradients");
  expect(of("help")).toBeNull();
});
