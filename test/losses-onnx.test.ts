/**
 * The losses of the stages in float32 on the ONNX backend, against PyTorch's values and gradients. The tests beside the
 * losses hold the formulas in float64; here the backend is held, within the 1e-5 of float32 arithmetic.
 */
import { readFileSync } from "node:fs";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  add,
  type Backend,
  compileFunction,
  float32,
  gradients,
  type HostTensor,
  int32,
  logSoftmax,
  mul,
  softmax,
  sum,
  type Tensor,
  takeAlongLast,
} from "@alignkit/core";
import { rankedPairs } from "@alignkit/data";
import { documentMask } from "@alignkit/models";
import { meanOverTokens, policyLoss, pretrainingLoss, valueLoss } from "@alignkit/ppo";
import { pairWeight, pairwiseLoss, rankingLoss } from "@alignkit/reward";
import { completionLoss, labelledLogProbs } from "@alignkit/sft";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

type Nested = number | readonly Nested[];
interface Case {
  readonly name: string;
  readonly params: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, Nested>>;
  readonly expected: Readonly<Record<string, Nested>>;
  readonly grads: Readonly<Record<string, Readonly<Record<string, Nested>>>>;
}

const load = (stage: string, name: string): readonly Case[] =>
  JSON.parse(
    readFileSync(new URL(`../packages/${stage}/fixtures/losses/${name}.json`, import.meta.url), "utf8"),
  ).cases;
const shapeOf = (x: Nested): number[] =>
  typeof x === "number" ? [] : [x.length, ...shapeOf(x[0] as Nested)];
const flat = (x: Nested): number[] => (typeof x === "number" ? [x] : x.flatMap((child) => flat(child)));
const real = (x: Nested): HostTensor => float32(flat(x), shapeOf(x));

function expectClose(actual: ArrayLike<number>, expected: Nested): void {
  const values = flat(expected);
  expect(actual.length).toBe(values.length);
  for (const [i, value] of values.entries()) {
    expect(Math.abs((actual[i] as number) - value), `element ${i}`).toBeLessThanOrEqual(
      1e-5 * (1 + Math.abs(value)),
    );
  }
}

describe("losses in float32 on onnx", () => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await createOnnxBackend({ threads: 1 });
  });
  afterAll(() => backend.dispose());

  it.each(load("sft", "sft_loss"))("completionLoss, $name", async ({ inputs, expected, grads }) => {
    const run = compileFunction(backend, (given: { logits: Tensor; labels: Tensor }) => {
      const labelled = labelledLogProbs(given);
      const loss = completionLoss({ ...labelled, labelTokens: expected.label_tokens as number });
      return { loss, logProbs: labelled.tokenLogProbs, gradient: gradients(loss, [given.logits])[0]! };
    });
    const result = await run({
      logits: real(inputs.logits!),
      labels: int32(flat(inputs.labels!), shapeOf(inputs.labels!)),
    });
    expectClose((await result.loss.read()).data, expected.loss!);
    expectClose((await result.logProbs.read()).data, expected.token_logprobs!);
    expectClose((await result.gradient.read()).data, grads.loss!.logits!);
  });

  it.each(load("sft", "sft_packing"))(
    "rows of several examples, $name",
    async ({ inputs, expected, grads }) => {
      const run = compileFunction(
        backend,
        ({ logits, labels, documentIds }: Record<"logits" | "labels" | "documentIds", Tensor>) => {
          const loss = completionLoss({
            ...labelledLogProbs({ logits, labels }),
            labelTokens: expected.label_tokens as number,
          });
          return { loss, gradient: gradients(loss, [logits])[0]!, mask: documentMask(documentIds) };
        },
      );
      const ids = flat(expected.document_ids!);
      const result = await run({
        logits: real(inputs.logits!),
        labels: int32(flat(expected.labels!), shapeOf(expected.labels!)),
        documentIds: int32(ids, shapeOf(expected.document_ids!)),
      });
      expectClose((await result.loss.read()).data, expected.loss!);
      expectClose((await result.gradient.read()).data, grads.loss!.logits!);
      const visible = Array.from((await result.mask.read()).data, (value) => Number(value === 0));
      const width = inputs.width as number;
      // Padding sees nothing there; here it sees padding, which no real token does.
      const isReal = (_: number, place: number) => ids[Math.floor(place / width)] !== -1;
      expect(visible.filter(isReal)).toEqual(flat(expected.allowed!).filter(isReal));
    },
  );

  const kwise = [
    { normalization: "k_choose_2", name: "loss_per_k_choose_2" },
    { normalization: "valid_pairs", name: "loss_per_valid_pair" },
    { normalization: "pooled_pairs", name: "loss_pooled_pairs" },
  ] as const;
  const rankings = load("reward", "reward_kwise").flatMap((given) =>
    kwise.map(({ normalization, name }) => ({
      ...given,
      normalization,
      loss: name,
      of: `${given.name}, ${name}`,
    })),
  );
  it.each(rankings)("rankingLoss, $of", async ({ inputs, expected, grads, normalization, loss: key }) => {
    const prompts = inputs.prompts as unknown as readonly {
      readonly ranks: number[];
      readonly rewards: number[];
    }[];
    const pairs = prompts.flatMap(({ ranks }, prompt) =>
      rankedPairs(ranks).map((pair) => ({ ...pair, prompt })),
    );
    const start = (prompt: number) =>
      prompts.slice(0, prompt).reduce((total, { rewards }) => total + rewards.length, 0);
    const column = (place: "better" | "worse") =>
      int32(
        pairs.map((pair) => pair[place] + start(pair.prompt)),
        [pairs.length],
      );
    const weights = pairs.map(({ prompt }) =>
      pairWeight({
        normalization,
        responses: prompts[prompt]!.ranks.length,
        pairs: rankedPairs(prompts[prompt]!.ranks).length,
        batch: { prompts: prompts.length, pairs: pairs.length },
      }),
    );
    const run = compileFunction(
      backend,
      (given: Record<"scores" | "preferred" | "rejected" | "weights", Tensor>) => {
        const loss = rankingLoss(given);
        return { loss, gradient: gradients(loss, [given.scores])[0]! };
      },
    );
    const scores = real(prompts.flatMap(({ rewards }) => rewards));
    const result = await run({
      scores,
      preferred: column("better"),
      rejected: column("worse"),
      weights: real(weights),
    });
    expectClose((await result.loss.read()).data, expected[key]!);
    expectClose((await result.gradient.read()).data, flat(grads[key]!.rewards!));
  });

  it.each(load("reward", "reward_pairwise"))(
    "pairwiseLoss, $name",
    async ({ params, inputs, expected, grads }) => {
      const { chosen, rejected, margin } = inputs;
      const centerCoefficient = params.center_rewards_coefficient ?? 0;
      const run = compileFunction(backend, (given: Record<"chosen" | "rejected" | "margins", Tensor>) => {
        const loss = pairwiseLoss({ ...given, centerCoefficient });
        const [byChosen, byRejected] = gradients(loss, [given.chosen, given.rejected]);
        return { loss, byChosen: byChosen!, byRejected: byRejected! };
      });
      const result = await run({
        chosen: real(chosen!),
        rejected: real(rejected!),
        margins: real(margin ?? flat(chosen!).map(() => 0)),
      });
      expectClose((await result.loss.read()).data, expected.loss!);
      expectClose((await result.byChosen.read()).data, grads.loss!.chosen!);
      expectClose((await result.byRejected.read()).data, grads.loss!.rejected!);
    },
  );

  it.each(load("ppo", "ppo_policy"))("policyLoss, $name", async ({ params, inputs, expected, grads }) => {
    const run = compileFunction(
      backend,
      (x: Record<"logProbs" | "oldLogProbs" | "advantages" | "mask", Tensor>) => {
        const terms = policyLoss({ ...x, clipRange: params.clip_range! });
        return { ...terms, gradient: gradients(terms.loss, [x.logProbs])[0]! };
      },
    );
    const { logprobs, old_logprobs, advantages, mask } = inputs;
    const result = await run({
      logProbs: real(logprobs!),
      oldLogProbs: real(old_logprobs!),
      advantages: real(advantages!),
      mask: real(mask!),
    });
    for (const [ours, theirs] of [
      ["loss", "loss"],
      ["clipFraction", "clip_fraction"],
      ["approxKl", "approx_kl"],
      ["approxKlK3", "approx_kl_k3"],
      ["meanRatio", "mean_ratio"],
    ] as const) {
      expectClose((await result[ours].read()).data, expected[theirs]!);
    }
    expectClose((await result.gradient.read()).data, grads.loss!.logprobs!);
  });

  it.each(load("ppo", "ppo_value"))("valueLoss, $name", async ({ params, inputs, expected, grads }) => {
    const run = compileFunction(backend, (x: Record<"values" | "oldValues" | "returns" | "mask", Tensor>) => {
      const terms = valueLoss({ ...x, clipRange: params.clip_range_value! });
      return { ...terms, gradient: gradients(terms.loss, [x.values])[0]! };
    });
    const { values, old_values, returns, mask } = inputs;
    const result = await run({
      values: real(values!),
      oldValues: real(old_values!),
      returns: real(returns!),
      mask: real(mask!),
    });
    expectClose((await result.loss.read()).data, expected.loss!);
    expectClose((await result.clipFraction.read()).data, expected.clip_fraction!);
    expectClose((await result.gradient.read()).data, grads.loss!.values!);
  });

  const entropyOf = (logits: Tensor): Tensor => mul(sum(mul(softmax(logits), logSoftmax(logits)), -1), -1);

  it.each(load("ppo", "entropy"))(
    "meanOverTokens of the entropy, $name",
    async ({ inputs, expected, grads }) => {
      const run = compileFunction(backend, ({ logits, mask }: Record<"logits" | "mask", Tensor>) => {
        const mean = meanOverTokens(entropyOf(logits), mask);
        return { mean, gradient: gradients(mean, [logits])[0]! };
      });
      const result = await run({ logits: real(inputs.logits!), mask: real(inputs.mask!) });
      expectClose((await result.mean.read()).data, expected.masked_mean!);
      expectClose((await result.gradient.read()).data, grads.masked_mean!.logits!);
    },
  );

  it.each(load("ppo", "ppo_ptx"))("PPO-ptx, $name", async ({ params, inputs, expected, grads }) => {
    const labels = (inputs.ptx_labels as readonly (readonly number[])[]).map((row) => [
      ...row.slice(1),
      -100,
    ]);
    const targets = labels.map((row) => row.map((id) => Math.max(id, 0)));
    const given = {
      action_logits: real(inputs.action_logits!),
      actions: int32(flat(inputs.actions!), shapeOf(inputs.actions!)),
      old_logprobs: real(inputs.old_logprobs!),
      advantages: real(inputs.advantages!),
      mask: real(inputs.mask!),
      values: real(inputs.values!),
      old_values: real(inputs.old_values!),
      returns: real(inputs.returns!),
      ptx_logits: real(inputs.ptx_logits!),
      ptx_targets: int32(flat(targets), shapeOf(targets)),
      ptx_weights: real(labels.map((row) => row.map((id) => (id === -100 ? 0 : 1)))),
    };
    const run = compileFunction(backend, (x: { readonly [K in keyof typeof given]: Tensor }) => {
      const { mask } = x;
      const policy = policyLoss({
        logProbs: takeAlongLast(logSoftmax(x.action_logits), x.actions),
        oldLogProbs: x.old_logprobs,
        advantages: x.advantages,
        mask,
        clipRange: params.clip_range!,
      });
      const value = valueLoss({
        values: x.values,
        oldValues: x.old_values,
        returns: x.returns,
        mask,
        clipRange: params.clip_range_value!,
      });
      const entropy = meanOverTokens(entropyOf(x.action_logits), mask);
      const ptx = pretrainingLoss(takeAlongLast(logSoftmax(x.ptx_logits), x.ptx_targets), x.ptx_weights);
      const loss = add(
        add(policy.loss, mul(value.loss, params.value_coef!)),
        add(mul(entropy, -params.entropy_coef!), mul(ptx, params.ptx_coef!)),
      );
      return { loss, ptx, gradients: gradients(loss, [x.action_logits, x.values, x.ptx_logits]) };
    });
    const result = await run(given);
    expectClose((await result.loss.read()).data, expected.loss!);
    expectClose((await result.ptx.read()).data, expected.ptx_loss!);
    for (const [index, name] of ["action_logits", "values", "ptx_logits"].entries()) {
      expectClose((await result.gradients[index]!.read()).data, grads.loss![name]!);
    }
  });
});
