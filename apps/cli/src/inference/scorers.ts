/** What a model says of given texts: log-probabilities of their tokens, or one score each. */
import type { TokenizedExample } from "@alignkit/data";
import { type BatchOptions, createRewardScorer, createScorer, type Head } from "@alignkit/models";
import { shortest } from "../rows-file.js";
import type { OpenModel } from "./open-model.js";

/** Rows of output for examples, in their order. */
export interface RowScorer {
  score(examples: readonly TokenizedExample[], options: BatchOptions): Promise<readonly object[]>;
  dispose(): Promise<void>;
}

/** One for each kind of head. */
export const rowScorers: Readonly<Record<Head, (model: OpenModel) => RowScorer>> = {
  /** `{"logprobs": [..], "nll": mean, "tokens": count}`, in nats, of the labelled tokens. */
  language_model({ backend, config, parameters }) {
    const scorer = createScorer(backend, config, parameters);
    return {
      async score(examples, options) {
        const sequences = examples.map(({ inputIds, labels }) => ({
          ids: Array.from(inputIds),
          labels: Array.from(labels),
        }));
        return (await scorer.logProbs(sequences, options)).map((logProbs) => ({
          logprobs: Array.from(logProbs, shortest),
          nll: -logProbs.reduce((total, value) => total + value, 0) / logProbs.length,
          tokens: logProbs.length,
        }));
      },
      dispose: () => scorer.dispose(),
    };
  },

  /** `{"score": x}`, read at the last token, with the bias of the model. */
  scalar({ backend, config, parameters }) {
    const scorer = createRewardScorer(backend, config, parameters);
    return {
      async score(examples, options) {
        const sequences = examples.map(({ inputIds }) => Array.from(inputIds));
        return Array.from(await scorer.scores(sequences, options), (score) => ({ score: shortest(score) }));
      },
      dispose: () => scorer.dispose(),
    };
  },
};
