import { createRandom } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createModelConfig } from "./config.js";
import { initializeParameters } from "./initialize.js";
import { parameterShapes } from "./parameters.js";

const gpt2 = createModelConfig({
  model_type: "gpt2",
  vocab_size: 300,
  n_positions: 200,
  n_embd: 64,
  n_layer: 8,
  n_head: 4,
  initializer_range: 0.05,
});

const llama = createModelConfig({
  model_type: "llama",
  vocab_size: 300,
  max_position_embeddings: 64,
  hidden_size: 64,
  intermediate_size: 112,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  pad_token_id: 3,
});

/** The deviation of `data` over `expected`; its own relative error is about 1/sqrt(2n) for n values. */
function relativeDeviation(data: Float32Array, expected: number): number {
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length) / expected;
}

describe("initializeParameters", () => {
  it("gives every parameter its shape, the same for the same seed", () => {
    const parameters = initializeParameters(gpt2, "scalar", createRandom(1));
    expect([...parameters].map(([name, { shape }]) => [name, shape])).toEqual([
      ...parameterShapes(gpt2, "scalar"),
    ]);
    const bytes = (seed: number) =>
      Buffer.from(initializeParameters(gpt2, "scalar", createRandom(seed)).get("score.weight")!.data.buffer);
    expect(bytes(1).equals(Buffer.from(parameters.get("score.weight")!.data.buffer))).toBe(true);
    expect(bytes(2).equals(bytes(1))).toBe(false);
  });

  it("draws GPT-2's weights from N(0, initializer_range), residual projections narrower", () => {
    const parameters = initializeParameters(gpt2, "language_model", createRandom(1));
    const of = (name: string) => parameters.get(`transformer.${name}`)!.data;
    const expectDeviation = (name: string, expected: number) =>
      // The smallest has 4,096 values: 4 / sqrt(2 * 4096) = 0.044.
      expect(Math.abs(relativeDeviation(of(name), expected) - 1)).toBeLessThan(0.044);
    expectDeviation("wte.weight", 0.05);
    expectDeviation("wpe.weight", 0.05);
    expectDeviation("h.3.attn.c_attn.weight", 0.05);
    expectDeviation("h.3.mlp.c_fc.weight", 0.05);
    // 0.05 / sqrt(2 * 8) = 0.0125
    expectDeviation("h.3.attn.c_proj.weight", 0.0125);
    expectDeviation("h.3.mlp.c_proj.weight", 0.0125);
    expect(new Set(of("h.3.ln_1.weight"))).toEqual(new Set([1]));
    expect(new Set(of("h.3.attn.c_proj.bias"))).toEqual(new Set([0]));
  });

  it("gives Llama's padding token a zero embedding, and no narrower projections", () => {
    const parameters = initializeParameters(llama, "language_model", createRandom(1));
    const embedding = parameters.get("model.embed_tokens.weight")!.data;
    expect(new Set(embedding.subarray(3 * 64, 4 * 64))).toEqual(new Set([0]));
    const output = parameters.get("model.layers.1.self_attn.o_proj.weight")!.data;
    expect(Math.abs(relativeDeviation(embedding.subarray(4 * 64), 0.02) - 1)).toBeLessThan(0.044);
    expect(Math.abs(relativeDeviation(output, 0.02) - 1)).toBeLessThan(0.044);
  });

  it("draws a scalar head from N(0, 1/sqrt(D + 1))", () => {
    const wide = createModelConfig({
      model_type: "gpt2",
      vocab_size: 1,
      n_positions: 1,
      n_embd: 1023,
      n_inner: 1,
      n_layer: 1,
      n_head: 1,
    });
    const { data } = initializeParameters(wide, "scalar", createRandom(1)).get("score.weight")!;
    // 1 / sqrt(1024) = 1/32, and 4 / sqrt(2 * 1023) = 0.089
    expect(Math.abs(relativeDeviation(data, 1 / 32) - 1)).toBeLessThan(0.089);
  });
});
