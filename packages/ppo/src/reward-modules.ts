import { parse } from "node:path";
import { ConfigError, importExport } from "@alignkit/core";
import { z } from "zod";
import type { NamedReward, RewardFunction } from "./reward-function.js";

const rewardModule = z.strictObject({
  /** A file or a package, either with `#export`. */
  module: z.string().min(1),
  name: z.string().min(1).optional(),
  weight: z.number().optional(),
});
type RewardModule = z.output<typeof rewardModule>;

/** Reward functions as a config names them: `./my-reward.js`, or `{ module, name, weight }`, one or several. */
export const rewardModules = z
  .union(
    [z.string().min(1), z.array(z.string().min(1)), z.array(rewardModule)],
    "Invalid input: expected a module, or a list of modules or of { module, name, weight }",
  )
  .transform((given): readonly RewardModule[] =>
    (typeof given === "string" ? [given] : given).map((one) =>
      typeof one === "string" ? { module: one } : one,
    ),
  );

/**
 * Imports reward functions: the default export of a module, or the one after a `#`. A name that is not given is that of
 * the export or the file.
 * @param baseDirectory - where relative files start
 * @throws {ConfigError} when a module cannot be imported or does not export a function
 */
export async function loadRewards(
  modules: readonly RewardModule[],
  baseDirectory: string,
): Promise<readonly NamedReward[]> {
  return Promise.all(
    modules.map(async ({ module, name, weight }) => {
      const score = await importExport(module, {
        what: "reward function",
        baseDirectory,
        exportNames: ["default", "reward"],
      });
      if (typeof score !== "function")
        throw new ConfigError(
          `reward function "${module}": is ${score === null ? "null" : typeof score}; export a function (prompts, responses, tokens) that gives a number for each response`,
        );
      const [file, exported] = module.split("#") as [string, string?];
      return {
        name: name ?? exported ?? parse(file).name,
        score: score as RewardFunction,
        ...(weight === undefined ? {} : { weight }),
      };
    }),
  );
}

/** @throws {ConfigError} when two rewards would be logged under one name */
export function checkRewardNames(rewards: readonly NamedReward[]): void {
  const names = rewards.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index || name === "model");
  if (twice !== undefined)
    throw new ConfigError(
      twice === "model"
        ? `ppo: a reward function is called "model", as the reward model is in metrics; give another name`
        : `ppo: two reward functions are called "${twice}"; give each a name of its own`,
    );
}
