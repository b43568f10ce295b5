/** Training: the stages `sft`, `reward` and `ppo`, update by update. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Backend, Metrics, StageContext } from "@alignkit/core";
import { type NamedReward, ppoConfig, ppoStage } from "@alignkit/ppo";
import { rewardConfig, rewardStage } from "@alignkit/reward";
import { sftConfig, sftStage } from "@alignkit/sft";
import type { MakeItem, WorkItem } from "./item.js";
import { modelConfig, tokenIds, tokenRows, withScratch, writeRandomModel } from "./models.js";
import { startStage } from "./stepped-stage.js";

/** Kept equal to the peers, whose optimizer is `torch.optim.AdamW` without decay. */
const training = {
  lr_scheduler_type: "constant",
  adam_beta2: 0.999,
  shuffle: false,
  save_steps: 1,
} as const;

/** More updates than anybody waits for. */
const manyEpochs = 1_000_000;

/** Equal rows of which all tokens are learned, or chats of which completions are, packed. One run is one epoch. */
export const makeSft: MakeItem = (backend, { model, changes, batch, length = 128, chats, directory }) => {
  const { vocabularySize } = modelConfig(model, changes);
  const sizes = chats ?? new Array<readonly [number, number]>(batch).fill([0, length]);
  const demonstrations = tokenRows(
    vocabularySize,
    sizes.map(([prompt, completion]) => prompt + completion),
  ).map((ids, row) => {
    const [prompt] = sizes[row] as readonly [number, number];
    return { input_ids: [...ids], labels: Array.from(ids, (id, column) => (column < prompt ? -100 : id)) };
  });
  return withScratch(async (folder) => {
    const init = directory ?? join(folder, "init");
    if (directory === undefined) await writeRandomModel(init, model, "language_model", { changes });
    const config = sftConfig.parse({
      ...training,
      train_files: await writeRows(folder, "demonstrations", demonstrations),
      num_train_epochs: manyEpochs,
      per_device_train_batch_size: batch,
      packing: chats !== undefined,
      ...(chats === undefined ? { max_length: length } : {}),
      residual_dropout: 0,
      learning_rate: 1e-4,
    });
    const tokens = sizes.reduce((total, [prompt, completion]) => total + prompt + completion, 0);
    return stageItem(
      backend,
      folder,
      (context) => sftStage.run(context, config, { init: { directory: init } }),
      Math.ceil(sizes.length / batch),
      ({ loss, grad_norm }) => ({ tokens, units: sizes.length, loss, grad_norm }),
    );
  });
};

/** Rankings of K responses; one run is a step for each prompt. */
export const makeReward: MakeItem = (backend, request) => {
  const { model, prompts = 1, k = 4, prompt = 32, response = 48, directory } = request;
  const each = [prompt, ...new Array<number>(k).fill(response)];
  const rows = tokenRows(modelConfig(model).vocabularySize, new Array(prompts).fill(each).flat());
  const rankings = Array.from({ length: prompts }, (_, at) => {
    const [head = new Int32Array(), ...responses] = rows.slice(at * (k + 1), (at + 1) * (k + 1));
    return {
      input_ids: responses.map((ids) => [...head, ...ids]),
      ranks: responses.map((_, rank) => rank + 1),
    };
  });
  return withScratch(async (folder) => {
    const init = directory ?? join(folder, "init");
    if (directory === undefined) await writeRandomModel(init, model, "scalar");
    const config = rewardConfig.parse({
      ...training,
      train_files: await writeRows(folder, "rankings", rankings),
      num_train_epochs: manyEpochs,
      per_device_train_batch_size: 1,
      learning_rate: 9e-6,
    });
    return stageItem(
      backend,
      folder,
      (context) => rewardStage.run(context, config, { init: { directory: init } }),
      prompts,
      ({ loss, grad_norm }) => ({
        tokens: prompts * k * (prompt + response),
        units: prompts,
        loss,
        grad_norm,
      }),
    );
  });
};

/** One run is one iteration of PPO on prompts of equal length, with responses of full length. */
export const makePpo: MakeItem = (backend, request) => {
  const { model, episodes = 32, prompt = 32, response = 48, minibatches = 8, texts = false } = request;
  const { directories = {}, apart = false } = request;
  const { vocabularySize } = modelConfig(model);
  const asRows = (length: number) =>
    tokenIds(vocabularySize, episodes, length).map((ids) => ({ input_ids: [...ids] }));
  let sampled: readonly Int32Array[] = [];
  const record: NamedReward = {
    name: "record",
    weight: 0,
    score: (_, responses, { responseIds }) => {
      sampled = responseIds;
      return responses.map(() => 0);
    },
  };
  // Only where results are compared are the responses of interest.
  const stage = ppoStage(request.directories === undefined ? [] : [record]);

  return withScratch(async (folder) => {
    const { policy = join(folder, "policy"), reward = join(folder, "reward") } = directories;
    const reference = directories.reference ?? (apart ? join(folder, "reference") : undefined);
    if (directories.policy === undefined) await writeRandomModel(policy, model, "language_model");
    if (directories.reward === undefined) await writeRandomModel(reward, model, "scalar");
    if (apart) await writeRandomModel(join(folder, "reference"), model, "language_model");
    const { shuffle, ...optimizer } = training;
    const config = ppoConfig.parse({
      ...optimizer,
      shuffle,
      prompt_files: await writeRows(folder, "prompts", asRows(prompt)),
      ...(texts ? { ptx_files: await writeRows(folder, "texts", asRows(prompt + response)) } : {}),
      ptx_ratio: 1,
      total_episodes: manyEpochs * episodes,
      batch_size: episodes,
      num_mini_batches: minibatches,
      per_device_train_batch_size: 16,
      generation_batch_size: episodes,
      response_length: response,
      // No response is cut or ended.
      truncate_token_id: 0,
      truncate_after: response,
      learning_rate: 1e-5,
      value_learning_rate: 9e-6,
      warmup_steps: 0,
      ema_decay: null,
    });
    const inputs = {
      init: { directory: policy },
      rewardModel: { directory: reward },
      ...(reference === undefined ? {} : { reference: { directory: reference } }),
    };
    return stageItem(
      backend,
      folder,
      (context) => stage.run(context, config, inputs),
      1,
      (metrics) => ({
        tokens: episodes * (prompt + response),
        drawn: episodes * response,
        kl: metrics["objective/kl"],
        score: metrics["objective/score"],
        policy_loss: metrics["ppo/loss/policy"],
        value_loss: metrics["ppo/loss/value"],
        policy_grad_norm: metrics["ppo/policy/grad_norm"],
        value_grad_norm: metrics["ppo/val/grad_norm"],
        text_loss: metrics["ptx/loss"] ?? 0,
        rollout_ms: 1000 * (metrics["elapsed/rollout"] ?? 0),
        scoring_ms: 1000 * (metrics["elapsed/score"] ?? 0),
        update_ms: 1000 * (metrics["elapsed/update"] ?? 0),
        first: sampled.flatMap((ids) => [...ids]),
      }),
    );
  });
};

/**
 * The first run is what the stage has done when it is made, so that no update goes unreported.
 * @param updates - of one run
 */
async function stageItem(
  backend: Backend,
  folder: string,
  run: (context: StageContext) => Promise<unknown>,
  updates: number,
  result: (metrics: Metrics) => Readonly<Record<string, number | readonly number[] | undefined>>,
): Promise<WorkItem> {
  const stage = await startStage(backend, folder, run);
  let isFirst = true;
  return {
    async run() {
      const metrics = await stage.advance(isFirst ? updates - 1 : updates);
      isFirst = false;
      return result(metrics) as Awaited<ReturnType<WorkItem["run"]>>;
    },
    dispose: () => stage.dispose(),
  };
}

async function writeRows(folder: string, name: string, rows: readonly object[]): Promise<string[]> {
  const path = join(folder, `${name}.jsonl`);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return [path];
}
