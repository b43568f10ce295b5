/**
 * The losses of the stages against PyTorch's values and gradients: in float64 on the reference backend, which holds the
 * formulas to 1e-9 and their gradients to 1e-8, and in float32 on the ONNX backend, to the 1e-5 of that arithmetic.
 */
import { readFileSync } from "node:fs";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  add,
  type Backend,
  compileFunction,
  gradients,
  type HostTensor,
  int32,
  linearTokenLogProbs,
  mul,
  referenceBackend,
  reshape,
  type Tensor,
} from "@alignkit/core";
import { ignoredLabel, rankedPairs } from "@alignkit/data";
import { documentMask } from "@alignkit/models";
import {
  explainedVariance,
  makeExperience,
  meanOverTokens,
  policyLoss,
  pretrainingLoss,
  valueLoss,
} from "@alignkit/ppo";
import { countRankings, pairWeight, pairwiseLoss, rankingLoss, rankingMetrics } from "@alignkit/reward";
import { completionLoss, labelledLogProbs, sequenceMeanLoss, tokenAccuracy } from "@alignkit/sft";
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
const ids = (x: Nested): HostTensor => int32(flat(x), shapeOf(x));
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

const arithmetics = [
  {
    name: "float64 on the reference backend",
    create: () => referenceBackend({ precision: "float64" }),
    numbers: Float64Array,
    tolerances: { value: 1e-9, gradient: 1e-8 },
  },
  {
    name: "float32 on the ONNX backend",
    create: () => createOnnxBackend({ threads: 1 }),
    numbers: Float32Array,
    tolerances: { value: 1e-5, gradient: 1e-5 },
  },
];

describe.each(arithmetics)("losses in $name", ({ create, numbers, tolerances }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  const real = (x: Nested): HostTensor => ({
    type: { dtype: "float32", shape: shapeOf(x) },
    data: numbers.from(flat(x)),
  });

  /** A function over named tensors, as one from host to host. */
  const compile = <Given extends string, Result extends string>(
    body: (x: Readonly<Record<Given, Tensor>>) => Readonly<Record<Result, Tensor>>,
  ) => {
    // The names are known to the caller.
    type Named = Readonly<Record<string, Tensor>>;
    const run = compileFunction(backend, body as (x: Named) => Named);
    return async (given: Readonly<Record<Given, HostTensor>>) => {
      const values: [string, readonly number[]][] = [];
      for (const [name, tensor] of Object.entries(await run(given)))
        values.push([name, Array.from((await tensor.read()).data)]);
      return Object.fromEntries(values) as Readonly<Record<Result, readonly number[]>>;
    };
  };

  function expectClose(
    actual: readonly number[],
    expected: Nested,
    kind: keyof typeof tolerances = "value",
  ): void {
    const values = flat(expected);
    expect(actual.length).toBe(values.length);
    for (const [i, value] of values.entries())
      expect(Math.abs((actual[i] as number) - value), `element ${i}`).toBeLessThanOrEqual(
        tolerances[kind] * (1 + Math.abs(value)),
      );
  }

  it.each(load("sft", "sft_loss"))("completionLoss, $name", async ({ params, inputs, expected, grads }) => {
    expect(params.ignore_index).toBe(ignoredLabel);
    const run = compile((given: Record<"logits" | "labels" | "window", Tensor>) => {
      const labelled = labelledLogProbs(given);
      const loss = completionLoss({ ...labelled, labelTokens: expected.label_tokens as number });
      const sequenceMeans = sequenceMeanLoss(labelled);
      return {
        ...labelled,
        loss,
        sequenceMeans,
        window: completionLoss({ ...labelled, labelTokens: given.window }),
        accuracy: tokenAccuracy(given),
        byLoss: gradients(loss, [given.logits])[0]!,
        bySequenceMeans: gradients(sequenceMeans, [given.logits])[0]!,
      };
    });
    const result = await run({
      logits: real(inputs.logits!),
      labels: ids(inputs.labels!),
      window: real(params.tokens_in_window!),
    });
    expectClose(result.tokenLogProbs, expected.token_logprobs!);
    expect(total(result.mask)).toBe(expected.label_tokens);
    expectClose(result.loss, expected.loss!);
    expectClose(result.window, expected.loss_sum_over_window!);
    expectClose(result.sequenceMeans, expected.mean_of_sequence_means!);
    expectClose(result.accuracy, expected.token_accuracy!);
    expectClose(result.byLoss, grads.loss!.logits!, "gradient");
    expectClose(result.bySequenceMeans, grads.mean_of_sequence_means!.logits!, "gradient");
  });

  it.each(load("sft", "sft_packing"))(
    "rows of several examples, $name",
    async ({ params, inputs, expected, grads }) => {
      expect(params.ignore_index).toBe(ignoredLabel);
      const run = compile(
        ({ logits, labels, documents }: Record<"logits" | "labels" | "documents", Tensor>) => {
          const labelTokens = expected.label_tokens as number;
          const loss = completionLoss({ ...labelledLogProbs({ logits, labels }), labelTokens });
          return { loss, gradient: gradients(loss, [logits])[0]!, mask: documentMask(documents) };
        },
      );
      const result = await run({
        logits: real(inputs.logits!),
        labels: ids(expected.labels!),
        documents: ids(expected.document_ids!),
      });
      expectClose(result.loss, expected.loss!);
      expectClose(result.gradient, grads.loss!.logits!, "gradient");
      const visible = result.mask.map((value) => Number(value === 0));
      const documents = flat(expected.document_ids!);
      const width = inputs.width as number;
      // Padding sees nothing there; here it sees padding, which no real token does.
      const isReal = (_: number, place: number) => documents[Math.floor(place / width)] !== -1;
      expect(visible.filter(isReal)).toEqual(flat(expected.allowed!).filter(isReal));
    },
  );

  describe.each(load("reward", "reward_kwise"))("rankingLoss, $name", ({ inputs, expected, grads }) => {
    const prompts = inputs.prompts as unknown as readonly {
      readonly ranks: number[];
      readonly rewards: number[];
    }[];
    type Prompts = typeof prompts;
    const given = {
      k_choose_2: { loss: "loss_per_k_choose_2", perPrompt: "per_prompt_k_choose_2" },
      valid_pairs: { loss: "loss_per_valid_pair", perPrompt: "per_prompt_valid_pair" },
      pooled_pairs: { loss: "loss_pooled_pairs" },
    } as const;
    type Normalization = keyof typeof given;

    const pairsOf = (rankings: Prompts) => {
      let start = 0;
      return rankings.flatMap(({ ranks }, prompt) => {
        const pairs = rankedPairs(ranks).map(({ better, worse }) => ({
          prompt,
          better: better + start,
          worse: worse + start,
        }));
        start += ranks.length;
        return pairs;
      });
    };

    const evaluate = (rankings: Prompts, normalization: Normalization) => {
      const pairs = pairsOf(rankings);
      const weights = pairs.map(({ prompt }) =>
        pairWeight({
          normalization,
          responses: rankings[prompt]!.ranks.length,
          pairs: rankedPairs(rankings[prompt]!.ranks).length,
          batch: { prompts: rankings.length, pairs: pairs.length },
        }),
      );
      const run = compile((x: Record<"scores" | "preferred" | "rejected" | "weights", Tensor>) => {
        const loss = rankingLoss(x);
        return { loss, gradient: gradients(loss, [x.scores])[0]! };
      });
      return run({
        scores: real(rankings.flatMap(({ rewards }) => rewards)),
        preferred: ids(pairs.map(({ better }) => better)),
        rejected: ids(pairs.map(({ worse }) => worse)),
        weights: real(weights),
      });
    };

    it.each(Object.keys(given) as Normalization[])("%s", async (normalization) => {
      const { loss } = given[normalization];
      const result = await evaluate(prompts, normalization);
      expectClose(result.loss, expected[loss]!);
      expectClose(result.gradient, flat(grads[loss]!.rewards!), "gradient");
    });

    it.each(["k_choose_2", "valid_pairs"] as const)("%s of each prompt alone", async (normalization) => {
      const losses: number[] = [];
      for (const prompt of prompts) losses.push(...(await evaluate([prompt], normalization)).loss);
      expectClose(losses, expected[given[normalization].perPrompt]!);
    });

    it("has the pairs and their accuracy", () => {
      const alone = { prompts: 1, pairs: 1 };
      expect(prompts.map(({ ranks }) => rankedPairs(ranks).length)).toEqual(expected.valid_pairs);
      const all = prompts.map(({ ranks: { length } }) =>
        pairWeight({ normalization: "k_choose_2", responses: length, pairs: 1, batch: alone }),
      );
      expectClose(
        all.map((weight) => 1 / weight),
        expected.all_pairs!,
      );
      const scores = prompts.flatMap(({ rewards }) => rewards);
      expectClose(
        [rankingMetrics(countRankings(scores, pairsOf(prompts))).accuracy!],
        expected.pair_accuracy!,
      );
    });
  });

  it.each(load("reward", "reward_pairwise"))(
    "pairwiseLoss, $name",
    async ({ params, inputs, expected, grads }) => {
      const { chosen, rejected, margin } = inputs;
      const size = flat(chosen!).length;
      const centerCoefficient = params.center_rewards_coefficient ?? 0;
      const places = Array.from({ length: size }, (_, index) => index);
      const pairs = places.map((index) => ({ better: index, worse: index + size }));
      const scores = [...flat(chosen!), ...flat(rejected!)];
      const run = compile(
        (
          x: Record<"chosen" | "rejected" | "margins" | "scores" | "better" | "worse" | "weights", Tensor>,
        ) => {
          const loss = pairwiseLoss({ ...x, centerCoefficient });
          const [byChosen, byRejected] = gradients(loss, [x.chosen, x.rejected]);
          // As many prompts with two responses.
          const { scores, margins, weights, better: preferred, worse } = x;
          const given = { scores, margins, weights, preferred, rejected: worse, centerCoefficient };
          return { loss, byChosen: byChosen!, byRejected: byRejected!, rankings: rankingLoss(given) };
        },
      );
      const result = await run({
        chosen: real(chosen!),
        rejected: real(rejected!),
        margins: real(margin ?? places.map(() => 0)),
        scores: real(scores),
        better: ids(pairs.map(({ better }) => better)),
        worse: ids(pairs.map(({ worse }) => worse)),
        weights: real(places.map(() => 1 / size)),
      });
      expectClose(result.loss, expected.loss!);
      expectClose(result.rankings, expected.loss!);
      expectClose(result.byChosen, grads.loss!.chosen!, "gradient");
      expectClose(result.byRejected, grads.loss!.rejected!, "gradient");
      const {
        accuracy,
        margin: gap,
        mean_reward,
        min_reward,
        max_reward,
      } = rankingMetrics(countRankings(scores, pairs));
      expectClose(
        [accuracy!, gap!, mean_reward!, min_reward!, max_reward!],
        ["accuracy", "mean_margin", "mean_reward", "min_reward", "max_reward"].map((name) => expected[name]!),
      );
    },
  );

  it.each(load("ppo", "ppo_policy"))("policyLoss, $name", async ({ params, inputs, expected, grads }) => {
    const run = compile((x: Record<"logProbs" | "oldLogProbs" | "advantages" | "mask", Tensor>) => {
      const terms = policyLoss({ ...x, clipRange: params.clip_range! });
      return { ...terms, gradient: gradients(terms.loss, [x.logProbs])[0]! };
    });
    const rows = inputs.mask as readonly (readonly number[])[];
    const over = (mask: (b: number, t: number) => boolean) =>
      run({
        logProbs: real(inputs.logprobs!),
        oldLogProbs: real(inputs.old_logprobs!),
        advantages: real(inputs.advantages!),
        mask: real(rows.map((row, b) => row.map((one, t) => (mask(b, t) ? one : 0)))),
      });
    const all = await over(() => true);
    expectClose(all.loss, expected.loss!);
    expectClose(all.clipFraction, expected.clip_fraction!);
    expectClose(all.approxKl, expected.approx_kl!);
    expectClose(all.approxKlK3, expected.approx_kl_k3!);
    expectClose(all.meanRatio, expected.mean_ratio!);
    expectClose(all.gradient, grads.loss!.logprobs!, "gradient");

    // A mask of one row gives the mean over its tokens, a mask of one token that token's loss and ratio.
    const means: number[] = [];
    const gradientOfMeans = new Array<number>(flat(rows).length).fill(0);
    for (const [b, row] of rows.entries()) {
      const alone = await over((other) => other === b);
      means.push(alone.loss[0]!);
      for (const [i, value] of alone.gradient.entries()) gradientOfMeans[i]! += value / rows.length;
      for (let t = 0; t < total(row); t++) {
        const token = await over((...place) => place[0] === b && place[1] === t);
        const of = (name: string) => (expected[name] as readonly (readonly number[])[])[b]![t]!;
        expectClose(token.loss, of("per_token_loss"));
        expectClose(token.meanRatio, of("ratio"));
      }
    }
    expectClose([total(means) / means.length], expected.loss_mean_of_sequence_means!);
    expectClose(gradientOfMeans, grads.loss_mean_of_sequence_means!.logprobs!, "gradient");
  });

  it.each(load("ppo", "ppo_value"))("valueLoss, $name", async ({ params, inputs, expected, grads }) => {
    const run = compile((x: Record<"values" | "oldValues" | "returns" | "mask", Tensor>) => {
      const clipped = valueLoss({ ...x, clipRange: params.clip_range_value! });
      const plain = valueLoss({ ...x, clipRange: undefined });
      return {
        ...clipped,
        plain: plain.loss,
        byClipped: gradients(clipped.loss, [x.values])[0]!,
        byPlain: gradients(plain.loss, [x.values])[0]!,
      };
    });
    const { values, old_values, returns, mask } = inputs;
    const result = await run({
      values: real(values!),
      oldValues: real(old_values!),
      returns: real(returns!),
      mask: real(mask!),
    });
    expectClose(result.loss, expected.loss!);
    expectClose(result.plain, expected.loss_unclipped!);
    expectClose(result.clipFraction, expected.clip_fraction!);
    expectClose(result.error, expected.mean_squared_error!);
    expectClose(result.byClipped, grads.loss!.values!, "gradient");
    expectClose(result.byPlain, grads.loss_unclipped!.values!, "gradient");
    const tokensOf = (x: Nested) =>
      (x as readonly (readonly number[])[]).map((row, b) =>
        row.filter((_, t) => (mask as never)[b]![t] === 1),
      );
    expectClose([explainedVariance(tokensOf(values!), tokensOf(returns!))], expected.explained_variance!);
    expectClose(
      [explainedVariance(tokensOf(old_values!), tokensOf(returns!))],
      expected.explained_variance_old_values!,
    );
  });

  /** The library's log-probabilities and entropies, of logits that are given: hidden states times the unit matrix. */
  const ofLogits = (logits: Tensor, unit: Tensor, targets: Tensor) => {
    const { logProbs, entropy } = linearTokenLogProbs(
      reshape(logits, [-1, unit.shape[0]!]),
      unit,
      reshape(targets, [-1]),
    );
    return { logProbs: reshape(logProbs, targets.shape), entropy: reshape(entropy, targets.shape) };
  };
  const unitMatrix = (size: number): HostTensor =>
    real(Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => Number(i === j))));

  it.each(load("ppo", "entropy"))("entropy, $name", async ({ inputs, expected, grads }) => {
    const run = compile(
      ({ logits, mask, unit, targets }: Record<"logits" | "mask" | "unit" | "targets", Tensor>) => {
        const { entropy } = ofLogits(logits, unit, targets);
        const mean = meanOverTokens(entropy, mask);
        return { entropy, mean, gradient: gradients(mean, [logits])[0]! };
      },
    );
    const rows = inputs.mask as readonly (readonly number[])[];
    const result = await run({
      logits: real(inputs.logits!),
      mask: real(rows),
      unit: unitMatrix(shapeOf(inputs.logits!)[2]!),
      // Any token: the entropy is of the distribution.
      targets: ids(rows.map((row) => row.map(() => 0))),
    });
    expectClose(result.entropy, expected.per_token!);
    expectClose(result.mean, expected.masked_mean!);
    expectClose(result.gradient, grads.masked_mean!.logits!, "gradient");
  });

  describe.each(load("ppo", "ppo_ptx"))("PPO-ptx, $name", ({ params, inputs, expected, grads }) => {
    it("policy, value, entropy and pretraining terms", async () => {
      const labels = (inputs.ptx_labels as readonly (readonly number[])[]).map((row) => [
        ...row.slice(1),
        ignoredLabel,
      ]);
      const given = {
        action_logits: real(inputs.action_logits!),
        actions: ids(inputs.actions!),
        oldLogProbs: real(inputs.old_logprobs!),
        advantages: real(inputs.advantages!),
        mask: real(inputs.mask!),
        values: real(inputs.values!),
        oldValues: real(inputs.old_values!),
        returns: real(inputs.returns!),
        ptx_logits: real(inputs.ptx_logits!),
        targets: ids(labels.map((row) => row.map((id) => Math.max(id, 0)))),
        weights: real(labels.map((row) => row.map((id) => Number(id !== ignoredLabel)))),
        unit: unitMatrix(shapeOf(inputs.ptx_logits!)[2]!),
      };
      const run = compile((x: Readonly<Record<keyof typeof given, Tensor>>) => {
        const { logProbs, entropy: entropies } = ofLogits(x.action_logits, x.unit, x.actions);
        const policy = policyLoss({ ...x, logProbs, clipRange: params.clip_range! }).loss;
        const value = valueLoss({ ...x, clipRange: params.clip_range_value! }).loss;
        const entropy = meanOverTokens(entropies, x.mask);
        const ptx = pretrainingLoss(ofLogits(x.ptx_logits, x.unit, x.targets).logProbs, x.weights);
        const loss = add(
          add(policy, mul(value, params.value_coef!)),
          add(mul(entropy, -params.entropy_coef!), mul(ptx, params.ptx_coef!)),
        );
        const [byActions, byValues, byTexts] = gradients(loss, [x.action_logits, x.values, x.ptx_logits]);
        return {
          loss,
          policy,
          value,
          entropy,
          ptx,
          byActions: byActions!,
          byValues: byValues!,
          byTexts: byTexts!,
        };
      });
      const result = await run(given);
      expectClose(result.loss, expected.loss!);
      expectClose(result.policy, expected.policy_loss!);
      expectClose(result.value, expected.value_loss!);
      expectClose(result.entropy, expected.entropy!);
      expectClose(result.ptx, expected.ptx_loss!);
      expectClose(result.byActions, grads.loss!.action_logits!, "gradient");
      expectClose(result.byValues, grads.loss!.values!, "gradient");
      expectClose(result.byTexts, grads.loss!.ptx_logits!, "gradient");
    });

    it("the objective of equation 2", async () => {
      const numbersOf = (name: string) => inputs[name] as readonly number[];
      const scores = numbersOf("sequence_scores");
      // Whole sequences are given, so each stands as one token.
      const rows = (name: string) => numbersOf(name).map((value) => [value]);
      const { metrics } = makeExperience(
        scores.map(() => ({ promptIds: Int32Array.of(1), responseIds: Int32Array.of(2), finished: true })),
        {
          logProbs: rows("sequence_logprobs"),
          referenceLogProbs: rows("sequence_ref_logprobs"),
          values: scores.map(() => [0]),
          scores,
        },
        {
          klCoefficient: params.kl_coef!,
          klEstimator: "k1",
          scoreClip: undefined,
          missingEosPenalty: 0,
          whitenRewards: false,
          gamma: 1,
          lambda: 0.95,
          whitenAdvantages: true,
          unbiasedVariance: true,
        },
      );
      const run = compile(({ logProbs, weights }: Record<"logProbs" | "weights", Tensor>) => ({
        ptx: pretrainingLoss(logProbs, weights),
      }));
      const texts = numbersOf("pretrain_sequence_logprobs");
      const { ptx } = await run({ logProbs: real(texts), weights: real(texts.map(() => 1)) });
      expectClose([metrics["objective/score_total"]! - params.ptx_coef! * ptx[0]!], expected.objective_eq2!);
    });
  });
});
