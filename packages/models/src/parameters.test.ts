import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tinyLlama } from "../test/tiny-llama.js";
import { createModelConfig, parseModelConfig } from "./config.js";
import { isDecayParameter, parameterNames, parameterShapes } from "./parameters.js";

const fixtures = join(import.meta.dirname, "../fixtures/models");

describe("parameterShapes", () => {
  it.each(["gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3"])(
    "gives what PyTorch's %s has",
    (name) => {
      const read = (file: string) => JSON.parse(readFileSync(join(fixtures, name, file), "utf8"));
      const expected = read("expected.json").parameters as Record<string, readonly number[]>;
      const shapes = parameterShapes(parseModelConfig(read("config.json")), "language_model");
      expect(Object.fromEntries(shapes)).toEqual(expected);
    },
  );

  it("puts a scalar head in place of the language-model head", () => {
    const fields = { ...tinyLlama, attention_bias: true, mlp_bias: true };
    // Queries are 3 heads of 4, keys and values 1 head of 4; the output projection reads 12 and writes 6.
    expect([...parameterShapes(createModelConfig(fields), "scalar")]).toEqual([
      ["model.embed_tokens.weight", [7, 6]],
      ["model.layers.0.input_layernorm.weight", [6]],
      ["model.layers.0.self_attn.q_proj.weight", [12, 6]],
      ["model.layers.0.self_attn.q_proj.bias", [12]],
      ["model.layers.0.self_attn.k_proj.weight", [4, 6]],
      ["model.layers.0.self_attn.k_proj.bias", [4]],
      ["model.layers.0.self_attn.v_proj.weight", [4, 6]],
      ["model.layers.0.self_attn.v_proj.bias", [4]],
      ["model.layers.0.self_attn.o_proj.weight", [6, 12]],
      ["model.layers.0.self_attn.o_proj.bias", [6]],
      ["model.layers.0.post_attention_layernorm.weight", [6]],
      ["model.layers.0.mlp.gate_proj.weight", [5, 6]],
      ["model.layers.0.mlp.gate_proj.bias", [5]],
      ["model.layers.0.mlp.up_proj.weight", [5, 6]],
      ["model.layers.0.mlp.up_proj.bias", [5]],
      ["model.layers.0.mlp.down_proj.weight", [6, 5]],
      ["model.layers.0.mlp.down_proj.bias", [6]],
      ["model.norm.weight", [6]],
      ["score.weight", [1, 6]],
    ]);
  });
});

describe("parameterNames", () => {
  const fields = { model_type: "gpt2", vocab_size: 7, n_positions: 9, n_embd: 6, n_layer: 2, n_head: 3 };

  it("says which part each parameter plays", () => {
    const names = parameterNames(createModelConfig(fields));
    expect(names.languageModelHead).toBe("transformer.wte.weight");
    expect(names.positionEmbedding).toBe("transformer.wpe.weight");
    expect(names.linearLayout).toBe("in_out");
    expect(names.layers[1]).toEqual({
      attentionNorm: { weight: "transformer.h.1.ln_1.weight", bias: "transformer.h.1.ln_1.bias" },
      projection: {
        kind: "fused",
        queryKeyValue: {
          module: "transformer.h.1.attn.c_attn",
          weight: "transformer.h.1.attn.c_attn.weight",
          bias: "transformer.h.1.attn.c_attn.bias",
          lora: null,
        },
      },
      queryNorm: null,
      keyNorm: null,
      attentionOutput: {
        module: "transformer.h.1.attn.c_proj",
        weight: "transformer.h.1.attn.c_proj.weight",
        bias: "transformer.h.1.attn.c_proj.bias",
        lora: null,
      },
      mlpNorm: { weight: "transformer.h.1.ln_2.weight", bias: "transformer.h.1.ln_2.bias" },
      mlpGate: null,
      mlpUp: {
        module: "transformer.h.1.mlp.c_fc",
        weight: "transformer.h.1.mlp.c_fc.weight",
        bias: "transformer.h.1.mlp.c_fc.bias",
        lora: null,
      },
      mlpDown: {
        module: "transformer.h.1.mlp.c_proj",
        weight: "transformer.h.1.mlp.c_proj.weight",
        bias: "transformer.h.1.mlp.c_proj.bias",
        lora: null,
      },
    });
  });

  it("has a head of its own when it is not tied", () => {
    const untied = parameterNames(createModelConfig({ ...fields, tie_word_embeddings: false }));
    expect(untied.languageModelHead).toBe("lm_head.weight");
  });
});

describe("isDecayParameter", () => {
  it("decays matrices and embeddings only", () => {
    const shapes = parameterShapes(
      createModelConfig({
        model_type: "gpt2",
        vocab_size: 7,
        n_positions: 9,
        n_embd: 6,
        n_layer: 1,
        n_head: 3,
      }),
      "language_model",
    );
    expect(
      [...shapes].filter(([name, shape]) => isDecayParameter(name, shape)).map(([name]) => name),
    ).toEqual([
      "transformer.wte.weight",
      "transformer.wpe.weight",
      "transformer.h.0.attn.c_attn.weight",
      "transformer.h.0.attn.c_proj.weight",
      "transformer.h.0.mlp.c_fc.weight",
      "transformer.h.0.mlp.c_proj.weight",
    ]);
  });
});
