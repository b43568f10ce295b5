/** The tables of docs/results/stories260K.md. */
import type { Random } from "@alignkit/core";
import { type ModelName, modelNames, type SeedResult } from "./evaluate.js";
import { bootstrapInterval, type Interval, mean } from "./statistics.js";

const titles: Readonly<Record<ModelName, string>> = {
  base: "base",
  sft: "SFT",
  ppo: "PPO",
  ppo_ptx: "PPO-ptx",
};

export function writeReport(results: readonly SeedResult[], random: Random): string {
  return [
    "## Reward model and judge",
    "",
    ...table(
      [
        "seed",
        "reward model, pairs",
        "bag of words, pairs",
        "reward model, area",
        "bag of words, area",
        "judge, accuracy",
        "corr(reward, judge) on SFT samples",
      ],
      results.map((result) => [
        `${result.seed}`,
        share(result.rewardModel.pairs),
        share(result.bagOfWords.pairs),
        result.rewardModel.area.toFixed(3),
        result.bagOfWords.area.toFixed(3),
        share(result.judgeAccuracy),
        result.rewardJudgeCorrelation.toFixed(2),
      ]),
    ),
    "",
    "## Policies",
    "",
    ...policyTable(results, random),
    "",
    "## Policies, seed by seed",
    "",
    ...table(
      [
        "seed",
        "model",
        "judge",
        "reward",
        "KL to SFT",
        "story loss",
        "different words",
        "different pairs",
        "tokens",
      ],
      results.flatMap((result) =>
        modelNames.map((name) => {
          const model = result.models[name];
          return [
            `${result.seed}`,
            titles[name],
            mean(model.judge).toFixed(3),
            mean(model.reward).toFixed(2),
            mean(model.kl).toFixed(2),
            model.storyLoss.toFixed(4),
            share(model.distinctWords),
            share(model.distinctPairs),
            model.length.toFixed(1),
          ];
        }),
      ),
    ),
    "",
    "## Samples",
    "",
    ...samples(results),
    "",
  ].join("\n");
}

function policyTable(results: readonly SeedResult[], random: Random): string[] {
  const interval = (name: string, of: (result: SeedResult) => readonly number[]) =>
    bootstrapInterval(results.map(of), random.split(name));
  const rows = modelNames.map((name) => {
    const own = (key: "judge" | "reward" | "kl") => interval(`${name} ${key}`, (r) => r.models[name][key]);
    // The same openings, so that the difference is taken opening by opening.
    const gain = interval(`${name} gain`, ({ models }) =>
      models[name].judge.map((value, index) => value - (models.sft.judge[index] as number)),
    );
    const losses = results.map(({ models }) => models[name].storyLoss);
    const taxes = results.map(({ models }) => models[name].storyLoss - models.sft.storyLoss);
    return [
      titles[name],
      format(own("judge"), 3),
      name === "sft" ? "" : format(gain, 3),
      format(own("reward"), 2),
      name === "sft" ? "0" : format(own("kl"), 2),
      mean(losses).toFixed(4),
      name === "sft" ? "" : signed(mean(taxes), 4),
    ];
  });
  return table(
    ["model", "judge", "judge, less SFT", "reward", "KL to SFT, nats a response", "story loss", "less SFT"],
    rows,
  );
}

function samples([first]: readonly SeedResult[]): string[] {
  if (first === undefined) return [];
  const openings = first.models.sft.samples.slice(0, 6);
  return openings.flatMap(({ opening }, index) => [
    `**${opening.replaceAll("\n", " ")}**`,
    "",
    ...modelNames.map((name) => {
      const sample = first.models[name].samples[index];
      return `- ${titles[name]} (judge ${sample?.judge.toFixed(2)}): ${sample?.response.replaceAll("\n", " ").trim()}`;
    }),
    "",
  ]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
const signed = (value: number, digits: number): string => `${value < 0 ? "" : "+"}${value.toFixed(digits)}`;
const format = ({ mean: value, low, high }: Interval, digits: number): string =>
  `${value.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
