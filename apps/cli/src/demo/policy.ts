/** A policy that answers the world's prompts, and a language model that scores texts. */
import { type Backend, type DirectoryArtifact, float32, type Random, uploadAll } from "@alignkit/core";
import { createGenerator, createScorer, readModelDirectory } from "@alignkit/models";
import { loadTokenizer } from "@alignkit/tokenizer";

export interface Answer {
  readonly promptIds: readonly number[];
  /** With the end token, if there is one. */
  readonly responseIds: readonly number[];
  /** Without special tokens. */
  readonly response: string;
  /** Sum over the response, nats. */
  readonly logProb: number;
  /** Whether it ended by itself. */
  readonly ended: boolean;
}

export interface SamplingOptions {
  readonly temperature: number;
  readonly maxNewTokens: number;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** A language model on a backend. Owns its memory; call `dispose` when done. */
export interface Policy {
  /** One answer for each prompt. */
  answer(prompts: readonly string[], options: SamplingOptions): Promise<readonly Answer[]>;
  /** Log-probability of each answer at temperature 1, nats. */
  logProbs(answers: readonly Answer[]): Promise<readonly number[]>;
  /** Mean loss of texts, nats per token, end token included. */
  loss(texts: readonly string[]): Promise<number>;
  dispose(): Promise<void>;
}

/** Rows decoded or scored at once: small models gain from many. */
const batchSize = 256;

export async function openPolicy(backend: Backend, { directory }: DirectoryArtifact): Promise<Policy> {
  const { config, parameters } = await readModelDirectory(directory);
  const tokenizer = await loadTokenizer(directory);
  const tensors = await uploadAll(
    backend,
    Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, float32(data, shape)])),
  );
  const generator = createGenerator(backend, config, tensors);
  const scorer = createScorer(backend, config, tensors);
  return {
    async answer(prompts, { random, signal, ...options }) {
      const promptIds = prompts.map((prompt) => tokenizer.encode(prompt));
      const generations = await generator.generate(promptIds, { ...options, batchSize }, random, signal);
      return generations.map(({ ids, logProbs, finishReason }, index) => ({
        promptIds: promptIds[index] as number[],
        responseIds: ids,
        response: tokenizer.decode(ids, { skipSpecialTokens: true }),
        logProb: sum(logProbs),
        ended: finishReason === "stop",
      }));
    },
    async logProbs(answers) {
      const sequences = answers.map(({ promptIds, responseIds }) => ({
        ids: [...promptIds, ...responseIds],
        labels: [...promptIds.map(() => -100), ...responseIds],
      }));
      return (await scorer.logProbs(sequences, { batchSize })).map(sum);
    },
    async loss(texts) {
      const end = tokenizer.eosTokenId;
      const sequences = texts.map((text) => ({
        ids: [...tokenizer.encode(text), ...(end === undefined ? [] : [end])],
      }));
      const rows = await scorer.logProbs(sequences, { batchSize });
      const tokens = rows.reduce((total, { length }) => total + length, 0);
      return -sum(rows.map(sum)) / tokens;
    },
    async dispose() {
      await generator.dispose();
      await scorer.dispose();
      for (const tensor of Object.values(tensors)) tensor.dispose();
    },
  };
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0);
}
