import { readFileSync } from "node:fs";
import {
  add,
  compileFunction,
  gradients,
  type HostTensor,
  int32,
  logSoftmax,
  mul,
  referenceBackend,
  softmax,
  sum,
  type Tensor,
  takeAlongLast,
} from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { explainedVariance, generalizedAdvantages, whiten } from "./advantages.js";
import { nextKlCoefficient } from "./kl-controller.js";
import { meanOverTokens, policyLoss, pretrainingLoss, valueLoss } from "./losses.js";
import { clipScore, type KlEstimator, tokenKl, tokenRewards } from "./rewards.js";

// Expected values: PyTorch in double precision, see fixtures/README.md.

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

const shapeOf = (x: Nested): number[] =>
  typeof x === "number" ? [] : [x.length, ...shapeOf(x[0] as Nested)];
const flat = (x: Nested): number[] => (typeof x === "number" ? [x] : x.flatMap((child) => flat(child)));
const real = (x: Nested): HostTensor => ({
  type: { dtype: "float32", shape: shapeOf(x) },
  data: Float64Array.from(flat(x)),
});
const ids = (x: Nested): HostTensor => int32(flat(x), shapeOf(x));

/** Absolute and relative 1e-9 for values, 1e-8 for gradients. */
function expectClose(actual: ArrayLike<number>, expected: Nested, tolerance = 1e-9): void {
  const values = flat(expected);
  expect(actual.length).toBe(values.length);
  for (const [i, value] of values.entries())
    expect(Math.abs((actual[i] as number) - value)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(value)));
}

const backend = referenceBackend({ precision: "float64" });

/** The rows without their padding. */
const ragged = (x: readonly number[][], mask: readonly number[][]): Float64Array[] =>
  x.map((row, b) => Float64Array.from(row.filter((_, t) => mask[b]![t] === 1)));
const padded = (rows: readonly ArrayLike<number>[], width: number): number[][] =>
  rows.map((row) => Array.from({ length: width }, (_, t) => (t < row.length ? (row[t] as number) : 0)));

describe("policyLoss", () => {
  it.each(load("ppo_policy"))("$name", async ({ params, inputs, expected, grads }) => {
    const run = compileFunction(backend, (x: Record<"logprobs" | "old" | "advantages" | "mask", Tensor>) => {
      const result = policyLoss({
        logProbs: x.logprobs,
        oldLogProbs: x.old,
        advantages: x.advantages,
        mask: x.mask,
        clipRange: params.clip_range!,
      });
      return { ...result, gradient: gradients(result.loss, [x.logprobs])[0]! };
    });
    const { logprobs, old_logprobs, advantages, mask } = inputs;
    const result = await run({
      logprobs: real(logprobs!),
      old: real(old_logprobs!),
      advantages: real(advantages!),
      mask: real(mask!),
    });
    for (const [name, key] of [
      ["loss", "loss"],
      ["clipFraction", "clip_fraction"],
      ["approxKl", "approx_kl"],
      ["approxKlK3", "approx_kl_k3"],
      ["meanRatio", "mean_ratio"],
    ] as const) {
      expectClose((await result[name].read()).data, expected[key]!);
    }
    expectClose((await result.gradient.read()).data, grads.loss!.logprobs!, 1e-8);
  });

  it("has ratio 1 and the plain policy gradient where the policy has not moved", async () => {
    const run = compileFunction(backend, (x: Record<"logProbs" | "advantages" | "mask", Tensor>) => {
      const result = policyLoss({ ...x, oldLogProbs: x.logProbs, clipRange: 0.2 });
      return { meanRatio: result.meanRatio, clipFraction: result.clipFraction, approxKl: result.approxKl };
    });
    const result = await run({
      logProbs: real([-1, -2, -3]),
      advantages: real([1, -1, 5]),
      mask: real([1, 1, 0]),
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
        logProbs: real([-1, garbage]),
        oldLogProbs: real([-1.1, garbage]),
        advantages: real([2, garbage]),
        mask: real([1, 0]),
      });
      return [...(await loss.read()).data, ...(await gradient.read()).data];
    };
    expect(await evaluate(Number.NaN)).toEqual(await evaluate(0));
  });
});

describe("valueLoss", () => {
  it.each(load("ppo_value"))("$name", async ({ params, inputs, expected, grads }) => {
    const run = compileFunction(backend, (x: Record<"values" | "old" | "returns" | "mask", Tensor>) => {
      const shared = { values: x.values, oldValues: x.old, returns: x.returns, mask: x.mask };
      const clipped = valueLoss({ ...shared, clipRange: params.clip_range_value! });
      const plain = valueLoss({ ...shared, clipRange: undefined });
      return {
        clipped,
        plain: plain.loss,
        byClipped: gradients(clipped.loss, [x.values])[0]!,
        byPlain: gradients(plain.loss, [x.values])[0]!,
      };
    });
    const { values, old_values, returns, mask } = inputs;
    const result = await run({
      values: real(values!),
      old: real(old_values!),
      returns: real(returns!),
      mask: real(mask!),
    });
    expectClose((await result.clipped.loss.read()).data, expected.loss!);
    expectClose((await result.plain.read()).data, expected.loss_unclipped!);
    expectClose((await result.clipped.clipFraction.read()).data, expected.clip_fraction!);
    expectClose((await result.clipped.error.read()).data, expected.mean_squared_error!);
    expectClose((await result.byClipped.read()).data, grads.loss!.values!, 1e-8);
    expectClose((await result.byPlain.read()).data, grads.loss_unclipped!.values!, 1e-8);
    expectClose(
      [explainedVariance(ragged(values!, mask!), ragged(returns!, mask!))],
      expected.explained_variance!,
    );
    expectClose(
      [explainedVariance(ragged(old_values!, mask!), ragged(returns!, mask!))],
      expected.explained_variance_old_values!,
    );
  });
});

describe("tokenKl and tokenRewards", () => {
  it.each(load("ppo_rewards"))("$name", ({ params, inputs, expected }) => {
    const { logprobs, ref_logprobs, scores, mask } = inputs as unknown as Record<
      "logprobs" | "ref_logprobs" | "mask",
      number[][]
    > & { scores: number[] };
    const [policy, reference] = [ragged(logprobs, mask), ragged(ref_logprobs, mask)];
    for (const estimator of ["k1", "k2", "k3"] as const satisfies readonly KlEstimator[]) {
      const kl = policy.map((row, b) => tokenKl(row, reference[b]!, estimator));
      expectClose(flat(padded(kl, 9)), expected[`kl_${estimator}`]!);
      const rewards = kl.map((row, b) =>
        tokenRewards({ kl: row, klCoefficient: params.kl_coef!, score: scores[b]! }),
      );
      expectClose(flat(padded(rewards, 9)), expected[`rewards_${estimator}`]!);
      const sums = kl.map((row) => row.reduce((total, x) => total + x, 0));
      const tokens = kl.reduce((total, row) => total + row.length, 0);
      expectClose([sums.reduce((a, b) => a + b, 0) / tokens], expected[`kl_${estimator}_token_mean`]!);
      expectClose(
        [sums.reduce((a, b) => a + b, 0) / sums.length],
        expected[`kl_${estimator}_sequence_mean`]!,
      );
    }
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
    for (const [unbiased, name] of [
      [false, "biased"],
      [true, "unbiased"],
    ] as const) {
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

const entropyOf = (logits: Tensor): Tensor => mul(sum(mul(softmax(logits), logSoftmax(logits)), -1), -1);

describe("meanOverTokens of the entropy", () => {
  it.each(load("entropy"))("$name", async ({ inputs, expected, grads }) => {
    const run = compileFunction(backend, ({ logits, mask }: Record<"logits" | "mask", Tensor>) => {
      const mean = meanOverTokens(entropyOf(logits), mask);
      return { mean, gradient: gradients(mean, [logits])[0]! };
    });
    const result = await run({ logits: real(inputs.logits!), mask: real(inputs.mask!) });
    expectClose((await result.mean.read()).data, expected.masked_mean!);
    expectClose((await result.gradient.read()).data, grads.masked_mean!.logits!, 1e-8);
  });
});

describe("PPO-ptx: policy, value, entropy and pretraining terms together", () => {
  it.each(load("ppo_ptx"))("$name", async ({ params, inputs, expected, grads }) => {
    const labels = inputs.ptx_labels as unknown as number[][];
    const shifted = labels.map((row) => [...row.slice(1), -100]);
    const given = {
      action_logits: real(inputs.action_logits!),
      actions: ids(inputs.actions!),
      old: real(inputs.old_logprobs!),
      advantages: real(inputs.advantages!),
      mask: real(inputs.mask!),
      values: real(inputs.values!),
      old_values: real(inputs.old_values!),
      returns: real(inputs.returns!),
      ptx_logits: real(inputs.ptx_logits!),
      ptx_targets: ids(shifted.map((row) => row.map((id) => Math.max(id, 0)))),
      ptx_weights: real(shifted.map((row) => row.map((id) => (id === -100 ? 0 : 1)))),
    };
    const run = compileFunction(backend, (x: { readonly [K in keyof typeof given]: Tensor }) => {
      const policy = policyLoss({
        logProbs: takeAlongLast(logSoftmax(x.action_logits), x.actions),
        oldLogProbs: x.old,
        advantages: x.advantages,
        mask: x.mask,
        clipRange: params.clip_range!,
      });
      const value = valueLoss({
        values: x.values,
        oldValues: x.old_values,
        returns: x.returns,
        mask: x.mask,
        clipRange: params.clip_range_value!,
      });
      const entropy = meanOverTokens(entropyOf(x.action_logits), x.mask);
      const ptx = pretrainingLoss(takeAlongLast(logSoftmax(x.ptx_logits), x.ptx_targets), x.ptx_weights);
      const loss = add(
        add(policy.loss, mul(value.loss, params.value_coef!)),
        add(mul(entropy, -params.entropy_coef!), mul(ptx, params.ptx_coef!)),
      );
      const wrt = [x.action_logits, x.values, x.ptx_logits];
      return { loss, policy: policy.loss, value: value.loss, entropy, ptx, gradients: gradients(loss, wrt) };
    });
    const result = await run(given);
    for (const [name, key] of [
      ["loss", "loss"],
      ["policy", "policy_loss"],
      ["value", "value_loss"],
      ["entropy", "entropy"],
      ["ptx", "ptx_loss"],
    ] as const) {
      expectClose((await result[name].read()).data, expected[key]!);
    }
    for (const [index, name] of ["action_logits", "values", "ptx_logits"].entries()) {
      expectClose((await result.gradients[index]!.read()).data, grads.loss![name]!, 1e-8);
    }
  });
});
