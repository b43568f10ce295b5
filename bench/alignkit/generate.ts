/** Generation: batch of equal prompts, temperature 1, no truncation, no end token. */
import { createRandom, uploadAll } from "@alignkit/core";
import { createGenerator } from "@alignkit/models";
import type { MakeItem, WorkItem, WorkRequest } from "./item.js";
import { loadModel, tokenIds } from "./models.js";

/**
 * @param request.anew - makes the generator within each run, as after each change of a policy; else one serves all runs
 * @param request.greedy - the most likely token, for comparing results
 */
export const makeGenerate: MakeItem = async (backend, request: WorkRequest): Promise<WorkItem> => {
  const {
    model: name,
    batch,
    prompt = 64,
    new: newTokens = 64,
    directory,
    anew = false,
    greedy = false,
  } = request;
  const model = await loadModel(name, directory);
  const parameters = await uploadAll(backend, model.parameters);
  const { config } = model;
  const prompts = tokenIds(config.vocabularySize, batch, prompt).map((ids) => [...ids]);
  const make = () => createGenerator(backend, config, parameters);
  const standing = anew ? undefined : make();
  const random = createRandom(0).split("generate");

  return {
    async run() {
      const generator = standing ?? make();
      const responses = await generator.generate(
        prompts,
        { maxNewTokens: newTokens, temperature: greedy ? 0 : 1, ignoreEos: true, batchSize: batch },
        random,
      );
      if (standing === undefined) await generator.dispose();
      const tokens = responses.reduce((total, { ids }) => total + ids.length, 0);
      return { tokens, first: responses[0]?.ids ?? [] };
    },
    async dispose() {
      await standing?.dispose();
      for (const tensor of Object.values(parameters)) tensor.dispose();
    },
  };
};
