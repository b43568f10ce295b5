/** One full PPO update of PyTorch on fixed rollouts, minibatch for minibatch, through the public functions of the stage. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  type AdamWSettings,
  type Backend,
  createOptimizer,
  float32,
  type HostTensor,
  referenceBackend,
} from "@alignkit/core";
import { readModelDirectory, readSafetensors } from "@alignkit/models";
import {
  createEpisodeScorer,
  createLogProbEvaluator,
  createUpdater,
  createValueEvaluator,
  createWeightAverage,
  type Episode,
  type Experience,
  makeExperience,
  type UpdateMetrics,
} from "@alignkit/ppo";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const fixtures = fileURLToPath(new URL("../packages/ppo/fixtures/training/", import.meta.url));

interface Update {
  readonly minibatch: readonly number[];
  readonly [metric: string]: number | readonly number[];
}
interface Expected {
  readonly settings: Readonly<Record<string, number>>;
  readonly rollout: Readonly<Record<string, number>>;
  readonly undetermined: Readonly<Record<string, readonly [start: number, end: number]>>;
  readonly ptx_batches: readonly { readonly input_ids: number[][]; readonly attention_mask: number[][] }[];
  readonly ppo: { readonly updates: readonly Update[] };
  readonly ppo_ptx: { readonly updates: readonly Update[] };
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8"));

type Arrays = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly data: ArrayLike<number | bigint> }
>;
const arraysOf = async (path: string): Promise<Arrays> => (await readSafetensors(path)).tensors;

/** Rows of a padded array, as far as the mask goes. */
function rowsOf(arrays: Arrays, name: string, mask: string): number[][] {
  const { shape, data } = arrays.get(name)!;
  const masks = arrays.get(mask)!.data;
  const [rows, width] = shape as [number, number];
  return Array.from({ length: rows }, (_, b) =>
    Array.from({ length: width }, (_, t) => b * width + t)
      .filter((i) => Number(masks[i]) === 1)
      .map((i) => Number(data[i])),
  );
}

async function load(name: string) {
  const { config, parameters } = await readModelDirectory(join(fixtures, "ppo", name));
  const tensors: Record<string, HostTensor> = {};
  for (const [key, { data, shape }] of parameters) tensors[key] = float32(data, shape);
  return { config, parameters: tensors };
}

/** `|actual - expected| <= absolute + relative * |expected|`, element by element. */
function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  absolute: number,
  relative: number,
  what: string,
): void {
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [got, want] = [actual[i] as number, expected[i] as number];
    expect(Math.abs(got - want), `${what}[${i}]: ${got} and ${want}`).toBeLessThanOrEqual(
      absolute + relative * Math.abs(want),
    );
  }
}

const backends: readonly { readonly name: string; readonly create: () => Backend | Promise<Backend> }[] = [
  { name: "reference", create: () => referenceBackend() },
  { name: "onnx", create: () => createOnnxBackend() },
];

describe.each(backends)("PPO update on $name", ({ create }) => {
  let backend: Backend;
  let expected: Expected;
  let rollout: Arrays;
  let episodes: readonly Episode[];
  const options = { padTokenId: 1, rowsPerForward: 8 };

  beforeAll(async () => {
    backend = await create();
    expected = await readJson(join(fixtures, "ppo", "expected.json"));
    rollout = await arraysOf(join(fixtures, "ppo", "rollout.safetensors"));
    const all = rowsOf(rollout, "input_ids", "attention_mask");
    const responses = rowsOf(rollout, "old_logprobs", "response_mask").map((row) => row.length);
    episodes = all.map((ids, b) => {
      const promptLength = ids.length - responses[b]!;
      return {
        promptIds: Int32Array.from(ids.slice(0, promptLength)),
        responseIds: Int32Array.from(ids.slice(promptLength)),
        finished: true,
      };
    });
  });
  afterAll(() => backend.dispose());

  /** What the models say of the episodes, and what follows from it. */
  async function experience(whitenAdvantages: boolean): Promise<Experience> {
    const { settings } = expected;
    const [policy, reference, reward] = [await load("policy"), await load("reference"), await load("reward")];
    const upload = async (tensors: Readonly<Record<string, HostTensor>>) =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(tensors).map(
            async ([name, tensor]) => [name, await backend.upload(tensor)] as const,
          ),
        ),
      );
    const logProbs = createLogProbEvaluator(backend, policy.config, settings.temperature!, options);
    const scores = await createEpisodeScorer(
      backend,
      { ...reward.config, rewardBias: settings.reward_bias! },
      options,
    )(await upload(reward.parameters), episodes);
    const judgements = {
      logProbs: await logProbs(await upload(policy.parameters), episodes),
      referenceLogProbs: await logProbs(await upload(reference.parameters), episodes),
      values: await createValueEvaluator(
        backend,
        reward.config,
        options,
      )(await upload(reward.parameters), episodes),
      scores,
    };
    const per = (name: string) => rowsOf(rollout, name, "response_mask");
    for (const [name, rows] of [
      ["old_logprobs", judgements.logProbs],
      ["ref_logprobs", judgements.referenceLogProbs],
      ["values", judgements.values],
    ] as const) {
      for (const [b, row] of per(name).entries()) expectClose(rows[b]!, row, 1e-4, 0, `${name} of row ${b}`);
    }
    expectClose(scores, Array.from(rollout.get("scores")!.data, Number), 1e-4, 0, "scores");
    return makeExperience(episodes, judgements, {
      klCoefficient: settings.kl_coef!,
      klEstimator: "k1",
      scoreClip: undefined,
      missingEosPenalty: 0,
      whitenRewards: false,
      gamma: settings.gamma!,
      lambda: settings.lam!,
      whitenAdvantages,
      unbiasedVariance: true,
    });
  }

  it("makes the same rewards, advantages and returns", async () => {
    const result = await experience(true);
    const plain = await experience(false);
    const per = (name: string) => rowsOf(rollout, name, "response_mask");
    for (let b = 0; b < episodes.length; b++) {
      expectClose(result.kl[b]!, per("kl")[b]!, 2e-4, 0, `kl of row ${b}`);
      expectClose(result.rewards[b]!, per("rewards")[b]!, 2e-4, 0, `rewards of row ${b}`);
      expectClose(result.rewards[b]!, per("rewards_before_whitening")[b]!, 2e-4, 0, `rewards of row ${b}`);
      expectClose(plain.episodes[b]!.advantages, per("advantages")[b]!, 2e-4, 2e-4, `advantages of row ${b}`);
      expectClose(
        result.episodes[b]!.advantages,
        per("whitened_advantages")[b]!,
        2e-4,
        2e-4,
        `whitened advantages of row ${b}`,
      );
      expectClose(result.episodes[b]!.returns, per("returns")[b]!, 2e-4, 2e-4, `returns of row ${b}`);
    }
    for (const [ours, theirs] of [
      ["objective/kl", "mean_kl_per_sequence"],
      ["objective/score", "mean_score"],
      ["objective/score_total", "mean_reward"],
      ["ppo/val/var_explained", "explained_variance"],
    ] as const)
      expectClose([result.metrics[ours]!], [expected.rollout[theirs]!], 2e-4, 2e-4, ours);
  });

  it.each([
    ["ppo", 8],
    ["ppo", 3],
    ["ppo_ptx", 8],
    ["ppo_ptx", 3],
  ] as const)("%s equals PyTorch's, %d rows a forward", async (kind, rowsPerForward) => {
    const { settings } = expected;
    expect(settings).toMatchObject({
      whiten_rewards: false,
      kl_estimator: "k1",
      adam: { betas: [0.9, 0.95], eps: 1e-8, weight_decay: 0 },
      lr_schedule: "constant",
      dropout: 0,
    });
    const [policyModel, valueModel] = [await load("policy"), await load("reward")];
    const adam: AdamWSettings = {
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0,
      decays: () => false,
      epsilonForm: "pytorch",
      maxGradNorm: settings.max_grad_norm!,
    };
    const policy = await createOptimizer(backend, adam, policyModel.parameters);
    const value = await createOptimizer(backend, adam, valueModel.parameters);
    const updater = createUpdater(
      backend,
      {
        policyConfig: policyModel.config,
        valueConfig: valueModel.config,
        padTokenId: 1,
        temperature: settings.temperature!,
        clipRange: settings.clip!,
        clipRangeValue: settings.value_clip!,
        entropyCoefficient: 0,
        ptxCoefficient: settings.ptx_coef!,
        ptxReduction: "token_mean",
        rowsPerForward,
      },
      policy,
      value,
    );
    const per = (name: string) => rowsOf(rollout, name, "response_mask");
    const [logProbs, values, advantages, returns] = [
      per("old_logprobs"),
      per("values"),
      per("whitened_advantages"),
      per("returns"),
    ];
    const training = episodes.map((episode, b) => ({
      ...episode,
      oldLogProbs: logProbs[b]!,
      oldValues: values[b]!,
      advantages: advantages[b]!,
      returns: returns[b]!,
    }));

    for (const [index, update] of expected[kind].updates.entries()) {
      const batch = expected.ptx_batches[index]!;
      const texts =
        kind === "ppo"
          ? []
          : batch.input_ids.map((row, b) =>
              Int32Array.from(row.filter((_, t) => batch.attention_mask[b]![t] === 1)),
            );
      const metrics = await updater.update(
        update.minibatch.map((b) => training[b]!),
        texts,
        { policy: settings.lr!, value: settings.value_lr! },
      );
      // The first update sees the same weights as PyTorch's; later ones what rounding has made of them.
      const tolerance = index === 0 ? 1e-5 : 2e-4;
      const names = {
        policy_loss: "policyLoss",
        policy_total_loss: "policyTotalLoss",
        value_loss: "valueLoss",
        clip_fraction: "clipFraction",
        value_clip_fraction: "valueClipFraction",
        approx_kl: "approxKl",
        approx_kl_k3: "approxKlK3",
        mean_ratio: "meanRatio",
        entropy: "entropy",
        ...(kind === "ppo" ? {} : { ptx_loss: "ptxLoss" }),
      } as const;
      for (const [theirs, ours] of Object.entries(names))
        expectClose(
          [metrics[ours as keyof UpdateMetrics]!],
          [update[theirs] as number],
          tolerance,
          tolerance,
          `update ${index}: ${theirs}`,
        );
      expectClose(
        [metrics.policyGradNorm, metrics.valueGradNorm],
        [update.policy_grad_norm as number, update.value_grad_norm as number],
        0,
        1e-3,
        `update ${index}: gradient norms`,
      );
    }

    for (const [optimizer, file] of [
      [policy, `final_policy_${kind}`],
      [value, "final_value"],
    ] as const) {
      const final = await arraysOf(join(fixtures, "ppo", `${file}.safetensors`));
      for (const [name, tensor] of Object.entries(optimizer.parameters)) {
        const [start, end] = expected.undetermined[name] ?? [0, 0];
        const keep = (_: unknown, i: number) => i < start || i >= end;
        const [ours, theirs] = [
          Array.from((await tensor.read()).data).filter(keep),
          Array.from(final.get(name)!.data, Number).filter(keep),
        ];
        expectClose(ours, theirs, 5e-4, 0, name);
      }
    }
    const logProbsAfter = await createLogProbEvaluator(
      backend,
      policyModel.config,
      settings.temperature!,
      options,
    )(policy.parameters, episodes);
    const valuesAfter = await createValueEvaluator(
      backend,
      valueModel.config,
      options,
    )(value.parameters, episodes);
    for (let b = 0; b < episodes.length; b++) {
      expectClose(
        logProbsAfter[b]!,
        per(`${kind}.new_logprobs`)[b]!,
        2e-4,
        2e-4,
        `log-probabilities of row ${b}`,
      );
      expectClose(valuesAfter[b]!, per(`${kind}.new_values`)[b]!, 2e-4, 2e-4, `values of row ${b}`);
    }
    await updater.dispose();
    await policy.dispose();
    await value.dispose();
  });

  it("averages weights as PyTorch does", async () => {
    const arrays = await arraysOf(join(fixtures, "ema", "ema.safetensors"));
    const { decay, names, steps } = await readJson<{ decay: number; names: string[]; steps: number }>(
      join(fixtures, "ema", "expected.json"),
    );
    const at = async (step: number) => {
      const uploaded = names.map(async (name) => {
        const { shape, data } = arrays.get(`step${step}.param.${name}`)!;
        return [name, await backend.upload(float32(Float32Array.from(data, Number), shape))] as const;
      });
      return Object.fromEntries(await Promise.all(uploaded));
    };
    const average = createWeightAverage(backend, decay, await at(0));
    for (let step = 1; step <= steps; step++) {
      if (!arrays.has(`step${step}.param.${names[0]}`)) break;
      await average.update(await at(step));
      for (const name of names) {
        expectClose(
          (await average.parameters[name]!.read()).data,
          Array.from(arrays.get(`step${step}.ema.${name}`)!.data, Number),
          1e-6,
          0,
          `${name} after step ${step}`,
        );
      }
    }
  });
});
