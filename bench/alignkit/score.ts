/** Log-probabilities of all tokens of a batch, each given those before it. */
import { uploadAll } from "@alignkit/core";
import { createScorer } from "@alignkit/models";
import type { MakeItem } from "./item.js";
import { loadModel, tokenIds } from "./models.js";

export const makeScore: MakeItem = async (backend, { model: name, batch, length = 128, directory }) => {
  const model = await loadModel(name, directory);
  const parameters = await uploadAll(backend, model.parameters);
  const scorer = createScorer(backend, model.config, parameters);
  const sequences = tokenIds(model.config.vocabularySize, batch, length).map((ids) => ({ ids: [...ids] }));

  return {
    async run() {
      const rows = await scorer.logProbs(sequences, { batchSize: batch });
      let total = 0;
      for (const row of rows) for (const logProb of row) total += logProb;
      const loss = -total / (batch * (length - 1));
      return { tokens: batch * length, loss, first: [...(rows[0]?.subarray(0, 4) ?? [])] };
    },
    async dispose() {
      await scorer.dispose();
      for (const tensor of Object.values(parameters)) tensor.dispose();
    },
  };
};
