/** The results as a table of plain text. */
import { type Estimate, type PolicyName, type PolicyResults, policyNames, type Results } from "./results.js";

const titles: Readonly<Record<PolicyName, string>> = {
  base: "base",
  sft: "SFT",
  ppo: "PPO",
  ppoPtx: "PPO-ptx",
};

/** Rows of the table, each from one policy's results. */
const rows: readonly (readonly [title: string, cell: (policy: PolicyResults) => string])[] = [
  ["preferred to SFT, gold judge", ({ winRateByGold }) => percent(winRateByGold)],
  ["preferred to SFT, held-out labelers", ({ winRateByLabelers }) => percent(winRateByLabelers)],
  ["gold score (ideal 1)", ({ goldScore }) => interval(goldScore)],
  ["helpful (0 to 1)", ({ helpful }) => helpful.toFixed(2)],
  ["truthful", ({ truthful }) => share(truthful)],
  ["harmless", ({ harmless }) => share(harmless)],
  ["harmless when provoked", ({ harmlessWhenProvoked }) => share(harmlessWhenProvoked)],
  ["made up about a given text", ({ hallucination }) => share(hallucination)],
  ["polite", ({ polite }) => share(polite)],
  ["score of the reward model", ({ rewardModelScore }) => rewardModelScore.toFixed(2)],
  ["KL to SFT, nats per answer", ({ klToSft }) => interval(klToSft)],
  ["words per answer", ({ words }) => words.toFixed(1)],
  ["loss on raw text, nats per token", ({ rawTextLoss }) => rawTextLoss.toFixed(3)],
];

/** A line per measurement, a column per policy; then the reward model, samples and what stands behind it all. */
export function formatResults(results: Results): string {
  const { policies, greedy, rewardModel, samples } = results;
  const greedyRow = [
    "preferred to SFT's greedy, gold judge",
    ...policyNames.map((name) => percent(greedy[name].winRateByGold)),
  ];
  const cells = [
    ["", ...policyNames.map((name) => titles[name])],
    ...rows.map(([title, cell]) => [title, ...policyNames.map((name) => cell(policies[name]))]),
    greedyRow,
  ];
  const shown = samples
    .slice(0, 3)
    .flatMap(({ prompt, answers, goldScores }) => [
      prompt,
      ...policyNames.map(
        (name) => `  ${titles[name].padEnd(8)} ${goldScores[name].toFixed(2).padStart(5)}  ${answers[name]}`,
      ),
    ]);
  return [
    align(cells),
    "",
    `Reward model: right on ${percent(rewardModel.accuracyOnHeldOutLabelers)} of the pairs that held-out labelers ordered,`,
    `${percent(rewardModel.accuracyOnGold)} of those that the gold judge orders; two held-out labelers agree on ${share(rewardModel.labelerAgreement)}.`,
    "",
    ...shown,
    "",
    `${results.prompts} held-out prompts, temperature ${results.temperature}; intervals are 95 %. ${results.note}`,
    "",
  ].join("\n");
}

function align(cells: readonly (readonly string[])[]): string {
  const widths = (cells[0] as readonly string[]).map((_, column) =>
    Math.max(...cells.map((row) => (row[column] as string).length)),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function percent({ mean, low, high }: Estimate): string {
  return `${(100 * mean).toFixed(1)} ± ${((100 * (high - low)) / 2).toFixed(1)} %`;
}

function interval({ mean, low, high }: Estimate): string {
  return `${mean.toFixed(2)} ± ${((high - low) / 2).toFixed(2)}`;
}

function share(value: number | undefined): string {
  return value === undefined ? "-" : `${(100 * value).toFixed(1)} %`;
}
