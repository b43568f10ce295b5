/** The work of our side by name. */
import type { MakeItem } from "./item.js";

/** Loaded when it is made, as by who does this work alone: trainers take 16 MB that decoding has no use for. */
const later =
  (load: () => Promise<MakeItem>): MakeItem =>
  async (backend, request) =>
    (await load())(backend, request);

const trainers = () => import("./stage-items.js");
const peaks = () => import("./peaks.js");
const starts = () => import("./start-up.js");

export const makers: Readonly<Record<string, MakeItem>> = {
  sft: later(async () => (await trainers()).makeSft),
  reward: later(async () => (await trainers()).makeReward),
  ppo: later(async () => (await trainers()).makePpo),
  generate: later(async () => (await import("./generate.js")).makeGenerate),
  score: later(async () => (await import("./score.js")).makeScore),
  help: later(async () => (await starts()).makeHelp),
  import: later(async () => (await starts()).makeImport),
  product: later(async () => (await peaks()).makeProduct),
  few_rows: later(async () => (await peaks()).makeFewRows),
  copy: later(async () => (await peaks()).makeCopy),
};
