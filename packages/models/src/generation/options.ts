import { ConfigError } from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { type SamplerSettings, samplerProblems } from "./sampler.js";
import type { SamplingMask } from "./sampling-mask.js";

/** How responses are drawn and when they end. */
export interface GenerationOptions extends SamplerSettings {
  readonly maxNewTokens: number;
  /** Stop tokens cannot be drawn before so many tokens. */
  readonly minNewTokens?: number;
  /** Any of them ends a response and is its last token; by default the model's end tokens. */
  readonly stopTokenIds?: readonly number[];
  /** Go on to `maxNewTokens` whatever is drawn. */
  readonly ignoreEos?: boolean;
  /** Prompts decoded at once; 16 by default. */
  readonly batchSize?: number;
  /** Called for each token as it is drawn. */
  readonly onToken?: (event: TokenEvent) => void;
}

/** One token of one response. */
export interface TokenEvent {
  /** Index of the prompt. */
  readonly prompt: number;
  readonly token: number;
  readonly logProb: number;
}

/** A response, and how likely it was. */
export interface Generation {
  /** The response, with the stop token if one was drawn. */
  readonly ids: number[];
  /** Of each token under the distribution at the temperature, nats; see sampler.ts. */
  readonly logProbs: Float32Array;
  /** Which tokens could be drawn at each place; with `recordMasks` when topK or topP cut. */
  readonly masks?: readonly SamplingMask[];
  readonly finishReason: "stop" | "length";
}

export const defaultBatchSize = 16;

/** @throws {ConfigError} naming all that is wrong with the options and prompts */
export function checkGeneration(
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
  options: GenerationOptions,
): void {
  const { maxNewTokens, minNewTokens = 0, batchSize = defaultBatchSize, stopTokenIds = [] } = options;
  const problems = samplerProblems(options);
  const integer = (name: string, value: number, least: number) => {
    if (!(Number.isInteger(value) && value >= least)) {
      problems.push(`${name} must be an integer of at least ${least}, it is ${value}`);
    }
  };
  integer("maxNewTokens", maxNewTokens, 1);
  integer("minNewTokens", minNewTokens, 0);
  integer("batchSize", batchSize, 1);
  const isToken = (id: number) => Number.isInteger(id) && id >= 0 && id < config.vocabularySize;
  for (const id of stopTokenIds) {
    if (!isToken(id)) problems.push(`stop token ${id} is outside the vocabulary of ${config.vocabularySize}`);
  }
  for (const [index, prompt] of prompts.entries()) {
    if (prompt.length === 0) problems.push(`prompt ${index} is empty; it needs at least one token`);
    if (prompt.length + maxNewTokens > config.maxPositions) {
      problems.push(
        `prompt ${index} has ${prompt.length} tokens: with ${maxNewTokens} new ones it exceeds the model's ${config.maxPositions} positions; shorten it or lower maxNewTokens`,
      );
    }
    const wrong = prompt.find((id) => !isToken(id));
    if (wrong !== undefined) {
      problems.push(`prompt ${index} holds ${wrong}, outside the vocabulary of ${config.vocabularySize}`);
    }
  }
  if (problems.length > 0) {
    throw new ConfigError(`generation: ${problems.join("; ")}`, { details: { problems } });
  }
}
