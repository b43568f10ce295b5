import type { Backend, Random } from "@alignkit/core";
import { createGenerator, type Generation, type ModelConfig } from "@alignkit/models";
import type { PpoConfig } from "./config.js";
import type { Episode } from "./episode.js";

/** An episode with the log-probabilities that its tokens were sampled with, `[R]`. */
export interface SampledResponse extends Episode {
  readonly logProbs: Float32Array;
}

/** One response to each prompt, from the current policy. @param parameters - of the policy; they stay the caller's */
export async function rollout(
  backend: Backend,
  model: ModelConfig,
  parameters: Parameters<typeof createGenerator>[2],
  prompts: readonly Int32Array[],
  config: PpoConfig,
  stopTokenIds: readonly number[],
  random: Random,
): Promise<readonly SampledResponse[]> {
  // It may hold this iteration's weights in a form of its own.
  const generator = createGenerator(backend, model, parameters);
  const { top_k: topK, top_p: topP } = config;
  try {
    const responses = await generator.generate(
      prompts.map((ids) => Array.from(ids)),
      {
        maxNewTokens: config.response_length,
        temperature: config.temperature,
        batchSize: config.generation_batch_size,
        stopTokenIds,
        ignoreEos: config.truncate_token_id !== null,
        recordMasks: true,
        ...(topK === null ? {} : { topK }),
        ...(topP === null ? {} : { topP }),
      },
      random,
    );
    return responses.map((response, index) => episodeOf(prompts[index] as Int32Array, response, config));
  } finally {
    await generator.dispose();
  }
}

function episodeOf(
  promptIds: Int32Array,
  { ids, logProbs, masks, finishReason }: Generation,
  config: PpoConfig,
): SampledResponse {
  const episode = {
    promptIds,
    responseIds: Int32Array.from(ids),
    logProbs,
    ...(masks === undefined ? {} : { masks }),
  };
  if (config.truncate_token_id !== null) {
    const scoredLength = truncatedLength(ids, config.truncate_token_id, config.truncate_after);
    return { ...episode, finished: scoredLength !== undefined, scoredLength: scoredLength ?? ids.length };
  }
  return {
    ...episode,
    finished: finishReason === "stop",
    // N+ pads responses to their full length: the token after a shorter one is padding.
    stepAfterEnd: config.score_placement === "nplus" && ids.length < config.response_length,
  };
}

/**
 * Tokens up to and with the first `token` at place `after` or later.
 * @returns `undefined` where there is none
 * @see openai/lm-human-preferences, `lm_tasks.py`, `postprocess_fn_from_hparams`
 */
export function truncatedLength(ids: readonly number[], token: number, after: number): number | undefined {
  const at = ids.indexOf(token, after);
  return at < 0 ? undefined : at + 1;
}
