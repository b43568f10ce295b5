import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createModelConfig, declaredHead, parseModelConfig, toHuggingFaceConfig } from "./config.js";

const fixtures = join(import.meta.dirname, "../fixtures/models");

function readFixture(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(fixtures, name), "utf8")) as Record<string, unknown>;
}

const gpt2Fields = {
  model_type: "gpt2",
  vocab_size: 320,
  n_positions: 64,
  n_embd: 48,
  n_layer: 2,
  n_head: 4,
};
const llamaFields = {
  model_type: "llama",
  vocab_size: 400,
  max_position_embeddings: 64,
  hidden_size: 64,
  intermediate_size: 112,
  num_hidden_layers: 2,
  num_attention_heads: 4,
};

describe("parseModelConfig", () => {
  it.each(["gpt2/config.json", "gpt2/config.legacy.json"])("reads %s", (name) => {
    const source = readFixture(name);
    expect(parseModelConfig(source)).toEqual({
      family: "gpt2",
      vocabularySize: 320,
      maxPositions: 64,
      hiddenSize: 48,
      layers: 2,
      norm: { kind: "layer_norm", epsilon: 1e-5 },
      positions: { kind: "learned" },
      attention: {
        heads: 4,
        keyValueHeads: 4,
        headDimension: 12,
        projection: "concatenated",
        projectionBias: true,
        outputBias: true,
        queryKeyNorm: false,
        slidingWindow: null,
      },
      mlp: { kind: "plain", activation: "gelu_new", intermediateSize: 192, bias: true },
      parallelResidual: false,
      tiedHead: true,
      bosTokenId: 0,
      eosTokenIds: [0],
      padTokenId: 1,
      initializerRange: 0.02,
      dropout: { embedding: 0, attention: 0, residual: 0 },
      rewardBias: 0,
      lora: null,
      source,
    });
  });

  it.each(["llama/config.json", "llama/config.legacy.json"])("reads %s", (name) => {
    const source = readFixture(name);
    expect(parseModelConfig(source)).toEqual({
      family: "llama",
      vocabularySize: 400,
      maxPositions: 64,
      hiddenSize: 64,
      layers: 2,
      norm: { kind: "rms_norm", epsilon: 1e-5 },
      positions: { kind: "rotary", theta: 10_000, dimensions: 16, scaling: null },
      attention: {
        heads: 4,
        keyValueHeads: 2,
        headDimension: 16,
        projection: "separate",
        projectionBias: false,
        outputBias: false,
        queryKeyNorm: false,
        slidingWindow: null,
      },
      mlp: { kind: "gated", activation: "silu", intermediateSize: 112, bias: false },
      parallelResidual: false,
      tiedHead: false,
      bosTokenId: 1,
      eosTokenIds: [2],
      padTokenId: 0,
      initializerRange: 0.02,
      dropout: { embedding: 0, attention: 0, residual: 0 },
      rewardBias: 0,
      lora: null,
      source,
    });
  });

  it.each(["gpt_neox", "mistral", "mistral_window", "qwen2", "qwen3"])(
    "reads %s to the same in both spellings",
    (name) => {
      const { source: _current, ...current } = parseModelConfig(readFixture(`${name}/config.json`));
      const { source: _legacy, ...legacy } = parseModelConfig(readFixture(`${name}/config.legacy.json`));
      expect(legacy).toEqual(current);
    },
  );

  it("knows the window of those that slide, by default or by layers", () => {
    const windowOf = (fields: Record<string, unknown>) =>
      parseModelConfig({ ...llamaFields, num_key_value_heads: 2, ...fields }).attention.slidingWindow;
    expect(windowOf({ model_type: "mistral" })).toBe(4096);
    expect(windowOf({ model_type: "mistral", sliding_window: null })).toBeNull();
    expect(windowOf({ model_type: "qwen2", sliding_window: 9 })).toBeNull();
    const sliding = { sliding_window: 9, use_sliding_window: true };
    // The first of 2 layers to slide is the 28th, unless the file says otherwise.
    expect(windowOf({ model_type: "qwen2", ...sliding })).toBeNull();
    expect(windowOf({ model_type: "qwen2", ...sliding, max_window_layers: 0 })).toBe(9);
    const layers = ["sliding_attention", "sliding_attention"];
    expect(windowOf({ model_type: "qwen3", ...sliding, layer_types: layers })).toBe(9);
  });

  it("reads the rotary scalings of both spellings, and the part of a head that turns in GPT-NeoX", () => {
    const positionsOf = (fields: Record<string, unknown>) =>
      parseModelConfig({ ...llamaFields, ...fields }).positions;
    const rotary = { kind: "rotary", theta: 10_000, dimensions: 16 };
    expect(positionsOf({ rope_scaling: { type: "linear", factor: 4 } })).toEqual({
      ...rotary,
      scaling: { kind: "linear", factor: 4 },
    });
    expect(positionsOf({ rope_parameters: { rope_type: "dynamic", factor: 2, rope_theta: 5e5 } })).toEqual({
      ...rotary,
      theta: 5e5,
      scaling: { kind: "dynamic", factor: 2, originalLength: 64 },
    });
    const llama3 = {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 32,
    };
    const scaling = {
      kind: "llama3",
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalLength: 32,
    };
    expect(positionsOf({ rope_scaling: llama3, rope_theta: 5e5 })).toEqual({
      ...rotary,
      theta: 5e5,
      scaling,
    });
    expect(positionsOf({ model_type: "gpt_neox" })).toEqual({ ...rotary, dimensions: 4, scaling: null });
    expect(
      positionsOf({ model_type: "gpt_neox", rotary_pct: 1, rotary_emb_base: 500, rope_scaling: llama3 }),
    ).toEqual({ ...rotary, theta: 500, scaling });
  });

  it("takes rope_theta from either spelling, several end tokens, and -1 or null as no token", () => {
    const legacy = parseModelConfig({
      ...llamaFields,
      rope_theta: 5e5,
      rope_scaling: null,
      eos_token_id: [2, 7],
    });
    expect(legacy.positions).toEqual({ kind: "rotary", theta: 500_000, dimensions: 16, scaling: null });
    expect(legacy.eosTokenIds).toEqual([2, 7]);
    const current = parseModelConfig({
      ...llamaFields,
      rope_parameters: { rope_type: "default", rope_theta: 5e5, partial_rotary_factor: 0.5 },
      eos_token_id: null,
      pad_token_id: -1,
    });
    expect(current.positions).toEqual({ kind: "rotary", theta: 500_000, dimensions: 8, scaling: null });
    expect(current.eosTokenIds).toEqual([]);
    expect(current.padTokenId).toBeNull();
  });

  it.each([
    [
      { model_type: "bloom" },
      'config.json: model_type "bloom" is not a known family; known are gpt2, gpt_neox, llama, mistral, qwen2, qwen3',
    ],
    [{}, "config.json: model_type is missing; known are gpt2, gpt_neox, llama, mistral, qwen2, qwen3"],
    [[], "config.json: must be a JSON object"],
    [
      { ...gpt2Fields, n_head: 5 },
      "config.json (gpt2): hidden size 48 is not a multiple of 5 attention heads",
    ],
    [
      { ...gpt2Fields, n_layer: 0, activation_function: "relu", scale_attn_by_inverse_layer_idx: true },
      'config.json (gpt2): n_layer (0): Too small: expected number to be >0; activation_function ("relu"): not supported; supported are gelu_new, gelu_pytorch_tanh, gelu_fast, gelu; scale_attn_by_inverse_layer_idx (true): only false is supported',
    ],
    [
      { ...llamaFields, rope_scaling: { rope_type: "llama3", factor: 8 } },
      "config.json (llama): rope_scaling.low_freq_factor (missing): Invalid input: expected number, received undefined; rope_scaling.high_freq_factor (missing): Invalid input: expected number, received undefined",
    ],
    [
      { ...llamaFields, rope_scaling: { type: "yarn", factor: 8 } },
      'config.json (llama): rope_scaling ({"type":"yarn","factor":8}): rotary scaling "yarn" is not supported; supported are default, linear, dynamic, llama3',
    ],
    [
      { ...llamaFields, model_type: "qwen2", use_sliding_window: true, max_window_layers: 1 },
      "config.json (qwen2): max_window_layers (1): 1 of 2 layers would have the sliding window; supported are all or none",
    ],
    [
      {
        ...llamaFields,
        model_type: "qwen3",
        use_sliding_window: true,
        layer_types: ["sliding_attention", "full_attention"],
      },
      'config.json (qwen3): layer_types (["sliding_attention","full_attention"]): 1 of 2 layers would have the sliding window; supported are all or none',
    ],
    [
      { ...llamaFields, rope_parameters: { full_attention: { rope_theta: 1e4 } } },
      'config.json (llama): rope_parameters ({"full_attention":{"rope_theta":10000}}): fields full_attention are not supported',
    ],
    [
      { ...llamaFields, num_key_value_heads: 3, pad_token_id: 400 },
      "config.json (llama): 4 attention heads are not a multiple of 3 key-value heads; pad_token_id 400 is outside the vocabulary of 400",
    ],
    [
      { ...llamaFields, head_dim: 15 },
      "config.json (llama): rotary dimensions must be even, from 2 to the head dimension 15; they are 15",
    ],
  ])("refuses %j", (source, message) => {
    const parse = () => parseModelConfig(source);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(expect.objectContaining({ message }));
  });
});

describe("toHuggingFaceConfig", () => {
  it.each([
    ["gpt2/config.json", "language_model"],
    ["gpt2/config.legacy.json", "language_model"],
    ["scalar/config.json", "scalar"],
    ...["gpt_neox", "llama", "mistral", "mistral_window", "qwen2", "qwen3"].flatMap((name) => [
      [`${name}/config.json`, "language_model"] as const,
      [`${name}/config.legacy.json`, "language_model"] as const,
    ]),
  ] as const)("gives %s back as it was", (name, head) => {
    const source = readFixture(name);
    expect(toHuggingFaceConfig(parseModelConfig(source), head)).toEqual(source);
  });

  it("keeps fields it does not understand and spellings that mean the same", () => {
    const source = {
      ...gpt2Fields,
      activation_function: "gelu_pytorch_tanh",
      task_specific_params: { a: [1] },
    };
    const written = toHuggingFaceConfig(parseModelConfig(source), "language_model");
    expect(written).toEqual({ ...source, architectures: ["GPT2LMHeadModel"], dtype: "float32" });
  });

  it("writes what has changed, in both spellings of the positions", () => {
    const config = parseModelConfig(readFixture("llama/config.legacy.json"));
    const changed = {
      ...config,
      positions: { kind: "rotary", theta: 20_000, dimensions: 16, scaling: null } as const,
      maxPositions: 128,
    };
    const written = toHuggingFaceConfig(changed, "language_model", "bfloat16");
    expect(written).toEqual({
      ...config.source,
      max_position_embeddings: 128,
      rope_theta: 20_000,
      rope_parameters: { rope_theta: 20_000, rope_type: "default" },
      torch_dtype: "bfloat16",
    });
    expect(parseModelConfig(written)).toEqual({ ...changed, source: written });
  });

  it("declares a scalar head with one label, its bias, and back again without", () => {
    const config = parseModelConfig(readFixture("gpt2/config.json"));
    const scalar = toHuggingFaceConfig({ ...config, rewardBias: -1.5 }, "scalar");
    expect(scalar).toEqual({
      ...config.source,
      architectures: ["GPT2ForSequenceClassification"],
      id2label: { "0": "LABEL_0" },
      label2id: { LABEL_0: 0 },
      reward_bias: -1.5,
    });
    const again = parseModelConfig(scalar);
    expect(again.rewardBias).toBe(-1.5);
    expect(declaredHead(again)).toBe("scalar");
    expect(toHuggingFaceConfig({ ...again, rewardBias: 0 }, "language_model")).toEqual(config.source);
  });
});

describe("createModelConfig", () => {
  it("fills in the family's defaults and writes them all", () => {
    const config = createModelConfig({ ...llamaFields, rope_theta: 5e4, pad_token_id: 0 });
    const written = toHuggingFaceConfig(config, "language_model");
    expect(written).toEqual({
      ...llamaFields,
      architectures: ["LlamaForCausalLM"],
      attention_bias: false,
      attention_dropout: 0,
      bos_token_id: 1,
      dtype: "float32",
      eos_token_id: 2,
      head_dim: 16,
      hidden_act: "silu",
      initializer_range: 0.02,
      mlp_bias: false,
      num_key_value_heads: 4,
      pad_token_id: 0,
      rms_norm_eps: 1e-6,
      rope_parameters: { rope_theta: 50_000, rope_type: "default" },
      rope_theta: 50_000,
      tie_word_embeddings: false,
      use_cache: true,
    });
    expect(parseModelConfig(written)).toEqual({ ...config, source: written });
  });

  it.each([
    ["llama", { rope_scaling: { rope_type: "linear", factor: 4 } }],
    ["llama", { rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 } }],
    ["gpt_neox", { rotary_pct: 1, rope_scaling: { rope_type: "dynamic", factor: 2 } }],
    ["gpt_neox", { rotary_pct: 0.5, attention_bias: false, use_parallel_residual: false }],
    ["mistral", { num_key_value_heads: 2, sliding_window: 7 }],
    ["qwen2", { num_key_value_heads: 2, use_sliding_window: true, sliding_window: 7, max_window_layers: 0 }],
    ["qwen3", { num_key_value_heads: 2, head_dim: 6, attention_bias: true }],
  ])("writes a new %s so that it reads the same: %j", (family, fields) => {
    const config = createModelConfig({ ...llamaFields, model_type: family, ...fields });
    const written = toHuggingFaceConfig(config, "language_model");
    expect(parseModelConfig(written)).toEqual({ ...config, source: written });
  });

  it("refuses a field that the family does not have", () => {
    expect(() => createModelConfig({ ...gpt2Fields, hidden_size: 48 })).toThrow(
      "model config (gpt2): unknown fields hidden_size; known are activation_function, ",
    );
  });
});

describe("declaredHead", () => {
  const headOf = (fields: Record<string, unknown>) =>
    declaredHead(parseModelConfig({ ...gpt2Fields, ...fields }));

  it("reads architectures, and leaves it open when they do not say", () => {
    expect(headOf({ architectures: ["GPT2LMHeadModel"] })).toBe("language_model");
    expect(headOf({ architectures: ["GPT2ForSequenceClassification"], num_labels: 1 })).toBe("scalar");
    expect(headOf({ architectures: ["GPT2Model"] })).toBeNull();
    expect(headOf({})).toBeNull();
  });

  it("refuses other heads and several labels", () => {
    expect(() => headOf({ architectures: ["GPT2ForTokenClassification"] })).toThrow(
      'config.json: architecture "GPT2ForTokenClassification" is not supported; known are GPT2LMHeadModel and GPT2ForSequenceClassification',
    );
    const id2label = { "0": "NEGATIVE", "1": "POSITIVE" };
    expect(() => headOf({ architectures: ["GPT2ForSequenceClassification"], id2label })).toThrow(
      "config.json: a scalar head has one label, this classifier has 2",
    );
  });
});
