import { readFileSync } from "node:fs";
import { compileFunction, float32, gradients, referenceBackend, type Tensor } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { generalizedAdvantages, moments, whiten } from "./advantages.js";
import { nextKlCoefficient } from "./kl-controller.js";
import { policyLoss } from "./losses.js";
import { clipScore, type KlEstimator, tokenKl, tokenRewards } from "./rewards.js";

// Expected values: PyTorch in double precision, see fixtures/README.md. Those of losses over tensors are in
// test/losses.test.ts, on two backends; here is what the host computes.

type Nested = number | readonly Nested[];
interface Case {
  readonly name: string;
  readonly params: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, never>>;
  readonly expected: Readonly<Record<string, never>>;
  readonly grads: Readonly<Record<string, Readonly<Record<string, Nested>>>>;
}

const load = (name: string): readonly Case[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/losses/${name}.json`, import.meta.url), "utf8")).cases;

const flat = (x: Nested): number[] => (typeof x === "number" ? [x] : x.flatMap((child) => flat(child)));

/** Absolute and relative 1e-9 for values, 1e-8 for gradients. */
function expectClose(actual: ArrayLike<number>, expected: Nested, tolerance = 1e-9): void {
  const values = flat(expected);
  expect(actual.length).toBe(values.length);
  for (const [i, value] of values.entries())
    expect(Math.abs((actual[i] as number) - value)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(value)));
}

const backend = referenceBackend();
const row = (values: readonly number[]) => float32(values, [values.length]);

/** The rows without their padding. */
const ragged = (x: readonly number[][], mask: readonly number[][]): Float64Array[] =>
  x.map((row, b) => Float64Array.from(row.filter((_, t) => mask[b]![t] === 1)));
const padded = (rows: readonly ArrayLike<number>[], width: number): number[][] =>
  rows.map((row) => Array.from({ length: width }, (_, t) => (t < row.length ? (row[t] as number) : 0)));

describe("policyLoss", () => {
  it("has ratio 1 and the plain policy gradient where the policy has not moved", async () => {
    const run = compileFunction(backend, (x: Record<"logProbs" | "advantages" | "mask", Tensor>) => {
      const result = policyLoss({ ...x, oldLogProbs: x.logProbs, clipRange: 0.2 });
      return { meanRatio: result.meanRatio, clipFraction: result.clipFraction, approxKl: result.approxKl };
    });
    const result = await run({
      logProbs: row([-1, -2, -3]),
      advantages: row([1, -1, 5]),
      mask: row([1, 1, 0]),
    });
    expect((await result.meanRatio.read()).data[0]).toBe(1);
    expect((await result.clipFraction.read()).data[0]).toBe(0);
    expect((await result.approxKl.read()).data[0]).toBe(0);
  });

  it("does not look at padding, NaN included", async () => {
    const run = compileFunction(
      backend,
      (x: Record<"logProbs" | "oldLogProbs" | "advantages" | "mask", Tensor>) => {
        const { loss } = policyLoss({ ...x, clipRange: 0.2 });
        return { loss, gradient: gradients(loss, [x.logProbs])[0]! };
      },
    );
    const evaluate = async (garbage: number) => {
      const { loss, gradient } = await run({
        logProbs: row([-1, garbage]),
        oldLogProbs: row([-1.1, garbage]),
        advantages: row([2, garbage]),
        mask: row([1, 0]),
      });
      return [...(await loss.read()).data, ...(await gradient.read()).data];
    };
    expect(await evaluate(Number.NaN)).toEqual(await evaluate(0));
  });
});

describe("tokenKl and tokenRewards", () => {
  it.each(load("ppo_rewards"))("$name", ({ params, inputs, expected, grads }) => {
    const { logprobs, ref_logprobs, scores, mask } = inputs as unknown as Record<
      "logprobs" | "ref_logprobs" | "mask",
      number[][]
    > & { scores: number[] };
    const [policy, reference] = [ragged(logprobs, mask), ragged(ref_logprobs, mask)];
    const rewardsOf = (kl: readonly Float64Array[], klCoefficient: number) =>
      kl.map((row, b) => tokenRewards({ kl: row, klCoefficient, score: scores[b]! }));
    for (const estimator of ["k1", "k2", "k3"] as const satisfies readonly KlEstimator[]) {
      const klAt = (shift: number) =>
        policy.map((row, b) =>
          tokenKl(
            row.map((logProb) => logProb + shift),
            reference[b]!,
            estimator,
          ),
        );
      const kl = klAt(0);
      expectClose(flat(padded(kl, 9)), expected[`kl_${estimator}`]!);
      expectClose(flat(padded(rewardsOf(kl, params.kl_coef!), 9)), expected[`rewards_${estimator}`]!);
      const sums = kl.map((row) => row.reduce((total, x) => total + x, 0));
      const tokens = kl.reduce((total, row) => total + row.length, 0);
      expectClose([sums.reduce((a, b) => a + b, 0) / tokens], expected[`kl_${estimator}_token_mean`]!);
      expectClose(
        [sums.reduce((a, b) => a + b, 0) / sums.length],
        expected[`kl_${estimator}_sequence_mean`]!,
      );
      // Each token's estimate is its own alone, so that one central difference gives all slopes.
      const [below, above] = [klAt(-1e-5), klAt(1e-5)];
      const slopes = above.map((row, b) => row.map((value, t) => (value - below[b]![t]!) / 2e-5 / tokens));
      expectClose(flat(padded(slopes, 9)), grads[`kl_${estimator}_token_mean`]!.logprobs!, 1e-8);
    }
    expectClose(flat(padded(rewardsOf(policy, 0), 9)), expected.scores_per_token!);
    const clipped = policy.map((row, b) =>
      tokenRewards({
        kl: tokenKl(row, reference[b]!, "k1"),
        klCoefficient: params.kl_coef!,
        score: clipScore(scores[b]!, params.score_clip),
      }),
    );
    expectClose(flat(padded(clipped, 9)), expected.rewards_k1_clipped_score!);
  });

  it("refuses a response that has no step for the score", () => {
    expect(() => tokenRewards({ kl: [], klCoefficient: 1, score: 1 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: a score needs a step, but the response has 0 tokens, 0 steps]`,
    );
  });
});

describe("generalizedAdvantages", () => {
  it.each(load("gae"))("$name", ({ params, inputs, expected }) => {
    const { rewards, values, mask, bootstrap_values } = inputs as unknown as Record<
      "rewards" | "values" | "mask",
      number[][]
    > & { bootstrap_values: number[] | null };
    const [rewardRows, valueRows] = [ragged(rewards, mask), ragged(values, mask)];
    const results = rewardRows.map((row, b) =>
      generalizedAdvantages({
        rewards: row,
        values: valueRows[b]!,
        gamma: params.gamma!,
        lambda: params.lambda!,
        bootstrap: bootstrap_values?.[b] ?? 0,
      }),
    );
    expectClose(
      flat(
        padded(
          results.map((each) => each.advantages),
          9,
        ),
      ),
      expected.advantages!,
    );
    expectClose(
      flat(
        padded(
          results.map((each) => each.returns),
          9,
        ),
      ),
      expected.returns!,
    );
  });
});

describe("whiten", () => {
  it.each(load("whitening"))("$name", ({ params, inputs, expected }) => {
    const { x, mask } = inputs as unknown as Record<"x" | "mask", number[][]>;
    const rows = ragged(x, mask);
    expectClose([moments(rows).mean], expected.mean!);
    for (const [unbiased, name] of [
      [false, "biased"],
      [true, "unbiased"],
    ] as const) {
      expectClose([moments(rows, unbiased).variance], expected[`variance_${name}`]!);
      for (const [shiftMean, suffix] of [
        [true, ""],
        [false, "_keep_mean"],
      ] as const) {
        expectClose(
          flat(padded(whiten(rows, { unbiased, shiftMean, epsilon: params.eps! }), 9)),
          expected[`whitened_${name}${suffix}`]!,
        );
      }
    }
  });
});

describe("nextKlCoefficient", () => {
  it.each(load("kl_controller"))("$name", ({ params, inputs, expected }) => {
    const { kl, n_steps } = inputs as unknown as Record<"kl" | "n_steps", number[]>;
    expect(params.clip).toBe(0.2);
    let coefficient = params.init_kl_coef!;
    const adaptive = kl.map((value, i) => {
      coefficient = nextKlCoefficient(
        coefficient,
        { type: "adaptive", target: params.target!, horizon: params.horizon! },
        value,
        n_steps[i]!,
      );
      return coefficient;
    });
    expectClose(adaptive, expected.adaptive_after_each_update!);
    expectClose(
      kl.map((value, i) => nextKlCoefficient(params.init_kl_coef!, { type: "fixed" }, value, n_steps[i]!)),
      expected.fixed_after_each_update!,
    );
  });
});
