/** Each family's `config.json` in miniature: the fields of a published model, with small sizes. */

const small = { hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 4, initializer_range: 0.1 };

export const shapes = {
  // Learned positions, biases, one matrix for queries, keys and values.
  gpt2: { n_positions: 64, n_embd: 32, n_layer: 2, n_head: 4, initializer_range: 0.1 },
  // Pythia: attention and MLP side by side, a quarter of each head is rotated.
  gpt_neox: {
    ...small,
    intermediate_size: 64,
    max_position_embeddings: 64,
    rotary_pct: 0.25,
    use_parallel_residual: true,
    tie_word_embeddings: false,
  },
  // Llama 3.2: fewer heads for keys and values, rotary angles stretched beyond the length of pretraining.
  llama: {
    ...small,
    intermediate_size: 64,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    tie_word_embeddings: true,
    rope_theta: 500_000,
    rope_scaling: {
      rope_type: "llama3",
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 16,
    },
  },
  // Mistral 7B v0.1: each token sees the 8 before it (4096 there).
  mistral: {
    ...small,
    intermediate_size: 64,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    sliding_window: 8,
    tie_word_embeddings: false,
  },
  // Qwen2.5: biases on queries, keys and values alone.
  qwen2: {
    ...small,
    intermediate_size: 64,
    num_key_value_heads: 2,
    max_position_embeddings: 64,
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
  },
  // Qwen3: heads wider than their share of the model, queries and keys are normed.
  qwen3: {
    ...small,
    intermediate_size: 64,
    num_key_value_heads: 2,
    head_dim: 16,
    max_position_embeddings: 64,
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
  },
} as const;

export type Family = keyof typeof shapes;
