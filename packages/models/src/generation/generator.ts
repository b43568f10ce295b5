import { type Backend, type DeviceTensor, InterruptedError, type Random } from "@alignkit/core";
import type { ModelConfig } from "../config.js";
import { generateBatch, type IndexedPrompt } from "./generate-batch.js";
import { checkGeneration, defaultBatchSize, type Generation, type GenerationOptions } from "./options.js";
import { createDecoderProgram } from "./program.js";

/** Samples responses from one set of parameters. */
export interface Generator {
  /**
   * Responses to tokenized prompts, in their order. The same random numbers give the same responses whatever the
   * batch size, up to rounding.
   * @throws {ConfigError} when an option is out of range or a prompt does not fit the model
   * @throws {InterruptedError} when the signal fires; what was generated is lost
   */
  generate(
    prompts: readonly (readonly number[])[],
    options: GenerationOptions,
    random: Random,
    signal?: AbortSignal,
  ): Promise<Generation[]>;
  /** Frees what was compiled; the parameters stay the caller's. */
  dispose(): Promise<void>;
}

/**
 * @param parameters - of a language model, by Hugging Face's names; they must live as long as the generator, which
 *   may keep them in a form of its own: changed parameters need a new one
 */
export function createGenerator(
  backend: Backend,
  config: ModelConfig,
  parameters: Readonly<Record<string, DeviceTensor>>,
): Generator {
  const program = createDecoderProgram(backend, config, parameters);
  return {
    async generate(prompts, options, random, signal) {
      checkGeneration(config, prompts, options);
      const { batchSize = defaultBatchSize } = options;
      // Rows of like length share a batch: little padding.
      const sorted: IndexedPrompt[] = prompts
        .map((ids, index) => ({ index, ids }))
        .sort((a, b) => b.ids.length - a.ids.length || a.index - b.index);
      const generations = new Array<Generation>(prompts.length);
      for (let start = 0; start < sorted.length; start += batchSize) {
        if (signal?.aborted) {
          throw new InterruptedError(`generation: interrupted after ${start} of ${prompts.length} prompts`, {
            cause: signal.reason,
          });
        }
        const batch = sorted.slice(start, start + batchSize);
        const responses = await generateBatch(program, batch, options, random, signal);
        for (const [position, { index }] of batch.entries()) {
          generations[index] = responses[position] as Generation;
        }
      }
      return generations;
    },
    dispose: () => program.dispose(),
  };
}
