/** The reward model as a judge, and how often held-out labelers and the gold judge agree with it. */
import { join } from "node:path";
import { type Backend, type DirectoryArtifact, float32, uploadAll } from "@alignkit/core";
import { dataFiles, readDemonstrations, readRankings } from "@alignkit/data";
import { createRewardScorer, readModelDirectory } from "@alignkit/models";
import { loadTokenizer } from "@alignkit/tokenizer";
import { agreement, assess, goldScore, type Prompt } from "@alignkit/world";
import type { Setting } from "./artifacts.js";
import { estimate, type RewardModelResults } from "./results.js";

/** Owns its memory on the backend; call `dispose` when done. */
export interface RewardModel {
  readonly tokenizer: Awaited<ReturnType<typeof loadTokenizer>>;
  /** Of prompts with answers, as ids. */
  scores(sequences: readonly (readonly number[])[]): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export async function openRewardModel(
  backend: Backend,
  { directory }: DirectoryArtifact,
): Promise<RewardModel> {
  const { config, parameters } = await readModelDirectory(directory);
  const tensors = await uploadAll(
    backend,
    Object.fromEntries([...parameters].map(([name, { data, shape }]) => [name, float32(data, shape)])),
  );
  const scorer = createRewardScorer(backend, config, tensors);
  return {
    tokenizer: await loadTokenizer(directory),
    scores: (sequences) => scorer.scores(sequences, { batchSize: 64 }),
    async dispose() {
      await scorer.dispose();
      for (const tensor of Object.values(tensors)) tensor.dispose();
    },
  };
}

/** @param inputs - the held-out rankings, and the demonstrations that are to score 0 */
export async function judgeRewardModel(
  { world, heldOutLabelers, heldOutRankingPrompts }: Setting,
  model: RewardModel,
  inputs: { readonly rankings: DirectoryArtifact; readonly demonstrations: DirectoryArtifact },
): Promise<RewardModelResults> {
  const { tokenizer } = model;
  const idsOf = (prompt: string, response: string) => [
    ...tokenizer.encode(prompt),
    ...tokenizer.encode(response, { addSpecialTokens: false }),
    ...(tokenizer.eosTokenId === undefined ? [] : [tokenizer.eosTokenId]),
  ];
  const promptOf = new Map(heldOutRankingPrompts.map((prompt) => [prompt.text, prompt]));
  const rankings = (await readRankings([join(inputs.rankings.directory, dataFiles.evaluation)])).flatMap(
    (record) =>
      record.kind === "ranking" ? [{ ...record, asked: promptOf.get(record.prompt) as Prompt }] : [],
  );
  const scores = await model.scores(
    rankings.flatMap(({ prompt, responses }) => responses.map((response) => idsOf(prompt, response))),
  );
  const byLabelers: number[] = [];
  const byGold: number[] = [];
  let start = 0;
  for (const { responses, ranks, asked } of rankings) {
    const own = Array.from(scores.subarray(start, start + responses.length));
    start += responses.length;
    // A smaller rank is better.
    const ranked = ranks.map((rank) => -rank);
    const gold = responses.map((response) => goldScore(assess(world, asked, response)));
    byLabelers.push(...shareInOrder(own, ranked));
    byGold.push(...shareInOrder(own, gold));
  }
  const demonstrations = (
    await readDemonstrations([join(inputs.demonstrations.directory, dataFiles.train)])
  ).flatMap((record) => (record.kind === "completion" ? [idsOf(record.prompt, record.completion)] : []));
  return {
    accuracyOnHeldOutLabelers: estimate(byLabelers),
    labelerAgreement: agreement(
      world,
      heldOutLabelers,
      rankings.map(({ asked, responses }) => ({ prompt: asked, responses })),
    ),
    accuracyOnGold: estimate(byGold),
    meanOfDemonstrations: estimate([...(await model.scores(demonstrations))]).mean,
  };
}

/** Share of the pairs that `judged` does not tie which `scores` puts in the same order; none when all are tied. */
export function shareInOrder(scores: readonly number[], judged: readonly number[]): readonly number[] {
  let inOrder = 0;
  let pairs = 0;
  for (let a = 0; a < scores.length; a++) {
    for (let b = a + 1; b < scores.length; b++) {
      const difference = (judged[a] as number) - (judged[b] as number);
      if (Math.abs(difference) < 1e-9) continue;
      pairs++;
      const scored = (scores[a] as number) - (scores[b] as number);
      inOrder += Number(Math.sign(scored) === Math.sign(difference));
    }
  }
  return pairs === 0 ? [] : [inOrder / pairs];
}
