import { ConfigError } from "@alignkit/core";
import type { GenerationOptions } from "@alignkit/models";
import { defaultMaxNewTokens, type SamplingFlags } from "../options/sampling-options.js";
import type { OpenModel } from "./open-model.js";

/**
 * Flags as the generator takes them.
 * @throws {ConfigError} when the model cannot take a prompt and so many new tokens
 */
export function generationOptions(flags: SamplingFlags, model: OpenModel): GenerationOptions {
  const { maxNewTokens = defaultMaxNewTokens, temperature = 1, topK, topP } = flags;
  const { maxPositions } = model.config;
  if (maxNewTokens >= maxPositions) {
    throw new ConfigError(
      `--max-new-tokens ${maxNewTokens} leaves no room for a prompt: the model has ${maxPositions} positions; give less`,
    );
  }
  return {
    maxNewTokens,
    temperature,
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    stopTokenIds: stopTokens(model),
  };
}

/** Those of `config.json`, of `generation_config.json`, which often names more, and of the chat template. */
function stopTokens({ config, generationConfig, tokenizer }: OpenModel): readonly number[] {
  const more: readonly unknown[] = [
    generationConfig?.eos_token_id ?? [],
    tokenizer?.chat?.stopTokenId ?? [],
  ].flat();
  return [...new Set([...config.eosTokenIds, ...more])] as readonly number[];
}
