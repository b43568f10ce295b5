/** The work of our side by name. */
import { makeGenerate } from "./generate.js";
import type { MakeItem } from "./item.js";
import { makeCopy, makeFewRows, makeProduct } from "./peaks.js";
import { makeScore } from "./score.js";
import { makePpo, makeReward, makeSft } from "./stage-items.js";
import { makeHelp, makeImport } from "./start-up.js";

export const makers: Readonly<Record<string, MakeItem>> = {
  sft: makeSft,
  reward: makeReward,
  ppo: makePpo,
  generate: makeGenerate,
  score: makeScore,
  help: makeHelp,
  import: makeImport,
  product: makeProduct,
  few_rows: makeFewRows,
  copy: makeCopy,
};
