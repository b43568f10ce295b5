import { readFileSync } from "node:fs";
import {
  compileFunction,
  gradients,
  type HostData,
  type HostTensor,
  int32,
  referenceBackend,
  sum,
  type Tensor,
} from "@alignkit/core";
import { rankedPairs } from "@alignkit/data";
import { describe, expect, it } from "vitest";
import { logisticLoss, pairwiseLoss, rankingLoss } from "./losses.js";
import { countRankings, rankingMetrics } from "./metrics.js";
import { type LossNormalization, pairWeight } from "./pairs.js";

const readCases = <T>(name: string): readonly T[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/losses/${name}.json`, import.meta.url), "utf8")).cases;

const double = referenceBackend({ precision: "float64" });

/** Float64 values: `float32()` would round them on the way in. */
const exact = (values: readonly number[]): HostTensor => ({
  type: { dtype: "float32", shape: [values.length] },
  data: Float64Array.from(values),
});

function expectClose(actual: HostData, expected: readonly number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] as number) - value);
    expect(difference, `element ${index}`).toBeLessThanOrEqual(tolerance * (1 + Math.abs(value)));
  }
}

interface PairwiseCase {
  readonly name: string;
  readonly params: { readonly center_rewards_coefficient: number | null };
  readonly inputs: {
    readonly chosen: number[];
    readonly rejected: number[];
    readonly margin: number[] | null;
  };
  readonly expected: Readonly<
    Record<"loss" | "accuracy" | "mean_margin" | "min_reward" | "mean_reward" | "max_reward", number>
  >;
  readonly grads: { readonly loss: { readonly chosen: number[]; readonly rejected: number[] } };
}

describe.each(readCases<PairwiseCase>("reward_pairwise"))(
  "pairwise loss, $name",
  ({ params, inputs, expected, grads }) => {
    const size = inputs.chosen.length;
    const margins = exact(inputs.margin ?? new Array<number>(size).fill(0));
    const centerCoefficient = params.center_rewards_coefficient ?? 0;

    it("matches the value and the gradients of PyTorch", async () => {
      const evaluate = compileFunction(
        double,
        (given: { chosen: Tensor; rejected: Tensor; margins: Tensor }) => {
          const loss = pairwiseLoss({ ...given, centerCoefficient });
          const [byChosen, byRejected] = gradients(loss, [given.chosen, given.rejected]);
          return { loss, byChosen: byChosen!, byRejected: byRejected! };
        },
      );
      const given = { chosen: exact(inputs.chosen), rejected: exact(inputs.rejected), margins };
      const { loss, byChosen, byRejected } = await evaluate(given);
      expectClose((await loss.read()).data, [expected.loss], 1e-9);
      expectClose((await byChosen.read()).data, grads.loss.chosen, 1e-8);
      expectClose((await byRejected.read()).data, grads.loss.rejected, 1e-8);
    });

    it("is the ranking loss of as many prompts with two responses", async () => {
      const evaluate = compileFunction(
        double,
        (given: { scores: Tensor; margins: Tensor; pairs: Tensor[] }) => ({
          loss: rankingLoss({
            ...given,
            preferred: given.pairs[0]!,
            rejected: given.pairs[1]!,
            weights: given.pairs[2]!,
            centerCoefficient,
          }),
        }),
      );
      const places = Array.from({ length: size }, (_, index) => index);
      const { loss } = await evaluate({
        scores: exact([...inputs.chosen, ...inputs.rejected]),
        margins,
        pairs: [
          int32(places, [size]),
          int32(
            places.map((place) => place + size),
            [size],
          ),
          exact(new Array<number>(size).fill(1 / size)),
        ],
      });
      expectClose((await loss.read()).data, [expected.loss], 1e-9);
    });

    it("counts accuracy, margin and rewards", () => {
      const pairs = inputs.chosen.map((_, index) => ({ better: index, worse: index + size }));
      const metrics = rankingMetrics(countRankings([...inputs.chosen, ...inputs.rejected], pairs));
      expect(metrics.accuracy).toBeCloseTo(expected.accuracy, 12);
      expect(metrics.margin).toBeCloseTo(expected.mean_margin, 12);
      expect(metrics.mean_reward).toBeCloseTo(expected.mean_reward, 12);
      expect(metrics.min_reward).toBe(expected.min_reward);
      expect(metrics.max_reward).toBe(expected.max_reward);
    });
  },
);

interface KwiseCase {
  readonly name: string;
  readonly inputs: { readonly prompts: readonly { readonly rewards: number[]; readonly ranks: number[] }[] };
  readonly expected: Readonly<Record<KwiseLoss, number>> & {
    readonly valid_pairs: number[];
    readonly pair_accuracy: number;
  };
  readonly grads: Readonly<Record<KwiseLoss, { readonly rewards: number[][] }>>;
}
type KwiseLoss = "loss_per_k_choose_2" | "loss_per_valid_pair" | "loss_pooled_pairs";
const kwiseLosses: Readonly<Record<LossNormalization, KwiseLoss>> = {
  k_choose_2: "loss_per_k_choose_2",
  valid_pairs: "loss_per_valid_pair",
  pooled_pairs: "loss_pooled_pairs",
};

describe.each(readCases<KwiseCase>("reward_kwise"))("K-wise loss, $name", ({ inputs, expected, grads }) => {
  const { prompts } = inputs;
  const pairsOf = prompts.map(({ ranks }) => rankedPairs(ranks));
  const starts = prompts.map((_, index) =>
    prompts.slice(0, index).reduce((total, { rewards }) => total + rewards.length, 0),
  );
  const pairs = pairsOf.flatMap((own, prompt) =>
    own.map(({ better, worse }) => ({
      prompt,
      better: better + starts[prompt]!,
      worse: worse + starts[prompt]!,
    })),
  );
  const scores = prompts.flatMap(({ rewards }) => rewards);
  const column = (place: "better" | "worse") =>
    int32(
      pairs.map((pair) => pair[place]),
      [pairs.length],
    );

  it("finds the untied pairs and their accuracy", () => {
    expect(pairsOf.map((own) => own.length)).toEqual(expected.valid_pairs);
    expect(rankingMetrics(countRankings(scores, pairs)).accuracy).toBeCloseTo(expected.pair_accuracy, 12);
  });

  it.each(Object.keys(kwiseLosses) as LossNormalization[])(
    "matches value and gradient of PyTorch, %s",
    async (normalization) => {
      const batch = { prompts: prompts.length, pairs: pairs.length };
      const weights = pairs.map(({ prompt }) =>
        pairWeight({
          normalization,
          responses: prompts[prompt]!.ranks.length,
          pairs: pairsOf[prompt]!.length,
          batch,
        }),
      );
      const evaluate = compileFunction(
        double,
        (given: { scores: Tensor; preferred: Tensor; rejected: Tensor; weights: Tensor }) => {
          const loss = rankingLoss(given);
          return { loss, byScore: gradients(loss, [given.scores])[0]! };
        },
      );
      const { loss, byScore } = await evaluate({
        scores: exact(scores),
        preferred: column("better"),
        rejected: column("worse"),
        weights: exact(weights),
      });
      expectClose((await loss.read()).data, [expected[kwiseLosses[normalization]]], 1e-9);
      expectClose((await byScore.read()).data, grads[kwiseLosses[normalization]].rewards.flat(), 1e-8);
    },
  );

  it("is not changed by padding pairs of weight 0", async () => {
    const evaluate = compileFunction(
      double,
      (given: { scores: Tensor; preferred: Tensor; rejected: Tensor; weights: Tensor }) => ({
        loss: rankingLoss(given),
      }),
    );
    const size = pairs.length + 3;
    const places = (place: "better" | "worse") =>
      int32([...pairs.map((pair) => pair[place]), 0, 0, 0], [size]);
    const { loss } = await evaluate({
      scores: exact([...scores, 1e3]),
      preferred: places("better"),
      rejected: places("worse"),
      weights: exact([...pairs.map(() => 1 / pairs.length), 0, 0, 0]),
    });
    expectClose((await loss.read()).data, [expected.loss_pooled_pairs], 1e-12);
  });
});

describe("logisticLoss", () => {
  it("stays finite far out, with gradient -1/2 at 0", async () => {
    const evaluate = compileFunction(double, ({ x }: { x: Tensor }) => {
      const losses = logisticLoss(x);
      return { losses, slope: gradients(sum(losses), [x])[0]! };
    });
    const { losses, slope } = await evaluate({ x: exact([-800, 0, 800]) });
    // -log sigmoid: 800, log 2, 0; its slope is -sigmoid(-x).
    expectClose((await losses.read()).data, [800, Math.LN2, 0], 1e-12);
    expectClose((await slope.read()).data, [-1, -0.5, 0], 1e-12);
  });
});
