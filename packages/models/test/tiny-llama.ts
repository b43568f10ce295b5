/** Fields of a llama whose sizes all differ, so that swapped ones fail: 3 heads of 4 read 6 and share one key and value. */
export const tinyLlama = {
  model_type: "llama",
  vocab_size: 7,
  max_position_embeddings: 9,
  hidden_size: 6,
  intermediate_size: 5,
  num_hidden_layers: 1,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  head_dim: 4,
};
