/** Generation at temperature 1 without truncation; without an end token, or with rows that end where they are told. */
import { createRandom, type Random, uploadAll } from "@alignkit/core";
import { createGenerator } from "@alignkit/models";
import type { MakeItem, WorkItem } from "./item.js";
import { loadModel, tokenIds } from "./models.js";

/** Ends responses: the first token of the vocabulary, which the inverse CDF gives for the number 0. */
const end = 0;

/**
 * @param request.anew - makes the generator within each run, as after each change of a policy; else one serves all runs
 * @param request.greedy - the most likely token, for comparing results
 */
export const makeGenerate: MakeItem = async (backend, request): Promise<WorkItem> => {
  const { model: name, changes, batch, prompt = 64, new: newTokens = 64, directory } = request;
  const { lengths, ends, anew = false, greedy = false } = request;
  const model = await loadModel(name, directory, changes);
  const parameters = await uploadAll(backend, model.parameters);
  const { config } = model;
  const prompts = tokenIds(config.vocabularySize, batch, prompt).map((ids, row) => [
    ...ids.subarray(0, lengths?.[row] ?? prompt),
  ]);
  const make = () => createGenerator(backend, config, parameters);
  const standing = anew ? undefined : make();
  const random = createRandom(0).split("generate");
  const options = {
    maxNewTokens: newTokens,
    temperature: greedy ? 0 : 1,
    batchSize: batch,
    ...(ends === undefined ? { ignoreEos: true } : { stopTokenIds: [end] }),
  };

  return {
    async run() {
      const generator = standing ?? make();
      const numbers = ends === undefined ? random : endingAt(ends, random);
      const responses = await generator.generate(prompts, options, numbers);
      if (standing === undefined) await generator.dispose();
      for (const [row, { ids }] of responses.entries()) {
        const wanted = ends?.[row] ?? newTokens;
        if (ids.length !== wanted) throw new Error(`row ${row} ended at token ${ids.length}, not ${wanted}`);
      }
      const first = responses.flatMap(({ ids }) => ids);
      return { tokens: first.length, drawn: first.length, first };
    },
    async dispose() {
      await standing?.dispose();
      for (const tensor of Object.values(parameters)) tensor.dispose();
    },
  };
};

/** Numbers by which row b draws the end token at its token `ends[b]` and not before. */
function endingAt(ends: readonly number[], random: Random): Random {
  return {
    ...random,
    split(name) {
      const own = random.split(name);
      const last = ends[Number(/^row-(\d+)$/.exec(name)?.[1])];
      if (last === undefined) return own;
      let drawn = 0;
      // What lies below is the end token's: of random weights it has about 1 in V.
      const above = 0.1;
      return {
        ...own,
        uniform() {
          drawn++;
          const number = own.uniform();
          return drawn === last ? 0 : above + (1 - above) * number;
        },
      };
    },
  };
}
