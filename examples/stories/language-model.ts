/** A model directory on a backend, to sample from and to ask for log-probabilities. */
import { type Backend, float32, type Random, uploadAll } from "@alignkit/core";
import { createGenerator, createRewardScorer, createScorer, readModelDirectory } from "@alignkit/models";
import { loadTokenizer } from "@alignkit/tokenizer";

export interface Sample {
  /** Index of the prompt. */
  readonly prompt: number;
  readonly promptIds: readonly number[];
  readonly responseIds: readonly number[];
  readonly response: string;
  /** Nats, of the whole response under the model that gave it. */
  readonly logProb: number;
}

export async function openLanguageModel(backend: Backend, directory: string) {
  const { config, parameters, generationConfig } = await readModelDirectory(directory);
  const tokenizer = await loadTokenizer(directory);
  const onDevice = await uploadAll(
    backend,
    Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, float32(data, shape)])),
  );
  const generator = createGenerator(backend, config, onDevice);
  const scorer = createScorer(backend, config, onDevice);
  const stopTokenIds = [generationConfig?.eos_token_id ?? config.eosTokenIds].flat() as number[];
  return {
    /** @param repetitions - samples of each prompt, at temperature 1 */
    async sample(
      prompts: readonly string[],
      repetitions: number,
      maxNewTokens: number,
      random: Random,
    ): Promise<Sample[]> {
      const rows = prompts.flatMap((text, prompt) => {
        const ids = tokenizer.encode(text);
        return Array.from({ length: repetitions }, () => ({ prompt, ids }));
      });
      const generations = await generator.generate(
        rows.map(({ ids }) => ids),
        { maxNewTokens, temperature: 1, stopTokenIds, batchSize: 64 },
        random,
      );
      return generations.map(({ ids, logProbs }, index) => {
        const { prompt, ids: promptIds } = rows[index] as (typeof rows)[number];
        return {
          prompt,
          promptIds,
          responseIds: ids,
          response: tokenizer.decode(ids, { skipSpecialTokens: true }),
          logProb: total(logProbs),
        };
      });
    },
    /** Log-probability of each response, nats. */
    async logProbs(samples: readonly Pick<Sample, "promptIds" | "responseIds">[]): Promise<number[]> {
      const sequences = samples.map(({ promptIds, responseIds }) => ({
        ids: [...promptIds, ...responseIds],
        labels: [...promptIds.map(() => -100), ...responseIds],
      }));
      return (await scorer.logProbs(sequences)).map(total);
    },
    /** Mean negative log-likelihood of the stories' tokens, nats; a story counts up to `limit` tokens. */
    async loss(stories: readonly string[], limit: number): Promise<number> {
      const sequences = stories.map((story) => ({ ids: tokenizer.encode(story).slice(0, limit) }));
      const rows = await scorer.logProbs(sequences);
      const tokens = rows.reduce((sum, row) => sum + row.length, 0);
      return -rows.reduce((sum, row) => sum + total(row), 0) / tokens;
    },
    async dispose() {
      await generator.dispose();
      await scorer.dispose();
      for (const tensor of Object.values(onDevice)) tensor.dispose();
    },
  };
}

export type LanguageModel = Awaited<ReturnType<typeof openLanguageModel>>;

export async function openRewardModel(backend: Backend, directory: string) {
  const { config, parameters } = await readModelDirectory(directory);
  const tokenizer = await loadTokenizer(directory);
  const onDevice = await uploadAll(
    backend,
    Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, float32(data, shape)])),
  );
  const scorer = createRewardScorer(backend, config, onDevice);
  return {
    scoreIds: async (rows: readonly (readonly number[])[]): Promise<number[]> =>
      Array.from(await scorer.scores(rows)),
    scoreTexts: async (texts: readonly string[]): Promise<number[]> =>
      Array.from(await scorer.scores(texts.map((text) => tokenizer.encode(text)))),
    async dispose() {
      await scorer.dispose();
      for (const tensor of Object.values(onDevice)) tensor.dispose();
    },
  };
}

function total(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0);
}
