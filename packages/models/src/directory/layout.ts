/** The names of files in a Hugging Face model directory. */
export const configFile = "config.json";
export const generationConfigFile = "generation_config.json";
export const weightsFile = "model.safetensors";
export const weightsIndexFile = "model.safetensors.index.json";

/** A low-rank adapter in place of a whole model, as peft stores it. */
export const adapterConfigFile = "adapter_config.json";
export const adapterWeightsFile = "adapter_model.safetensors";

/** Shard `index` (from 0) of `count`. */
export function shardFile(index: number, count: number): string {
  const digits = (number: number) => String(number).padStart(5, "0");
  return `model-${digits(index + 1)}-of-${digits(count)}.safetensors`;
}

/** Chat templates beside the default one, a file each; transformers writes them so. */
export const additionalTemplatesFolder = "additional_chat_templates";

/** What a tokenizer consists of, whichever of these are there. */
export const tokenizerFiles: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "chat_template.jinja",
];
