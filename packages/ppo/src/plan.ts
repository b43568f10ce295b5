import type { DirectoryArtifact, StagePlan } from "@alignkit/core";
import { type Head, parameterShapes, readModelConfig } from "@alignkit/models";
import type { PpoConfig } from "./config.js";

const bytesPerFloat = 4;

async function parameterBytes(directory: string, head: Head): Promise<number> {
  let count = 0;
  for (const shape of parameterShapes(await readModelConfig(directory), head).values())
    count += shape.reduce((size, axis) => size * axis, 1);
  return count * bytesPerFloat;
}

/** Steps and memory of a PPO run, before it starts; models that an earlier stage has yet to make are left out. */
export async function planPpo(
  config: PpoConfig,
  inputs: {
    readonly policy?: DirectoryArtifact;
    readonly reference?: DirectoryArtifact;
    readonly reward_model?: DirectoryArtifact;
  },
): Promise<StagePlan> {
  const iterations = Math.ceil(config.total_episodes / config.batch_size);
  const notes = [
    `${iterations} iterations of ${config.batch_size} episodes, ${config.num_ppo_epochs * config.num_mini_batches} steps each`,
  ];
  const memory: Record<string, number> = {};
  if (inputs.policy === undefined) {
    notes.push("memory is known once the policy exists");
    return { steps: iterations, notes };
  }
  const policy = await parameterBytes(inputs.policy.directory, "language_model");
  memory["policy weights"] = policy;
  memory["policy gradients"] = policy;
  memory["policy optimizer"] = 2 * policy;
  if (config.ema_decay !== null) memory["policy average"] = policy;
  memory["reference weights"] =
    inputs.reference === undefined
      ? policy
      : await parameterBytes(inputs.reference.directory, "language_model");
  const reward =
    inputs.reward_model === undefined ? 0 : await parameterBytes(inputs.reward_model.directory, "scalar");
  if (reward > 0) memory["reward model weights"] = reward;
  const value = reward > 0 ? reward : policy;
  memory["value weights"] = value;
  memory["value gradients"] = value;
  memory["value optimizer"] = 2 * value;
  const { hiddenSize, layers, attention, vocabularySize } = await readModelConfig(inputs.policy.directory);
  const length = Math.min(config.max_prompt_length, 1024) + config.response_length;
  memory["key/value cache, at most"] =
    2 *
    layers *
    attention.keyValueHeads *
    attention.headDimension *
    length *
    config.generation_batch_size *
    bytesPerFloat;
  // Kept for the backward pass: about 16 widths per token and layer, attention weights, logits of response tokens.
  const rows = config.per_device_train_batch_size;
  const kept =
    layers * (16 * hiddenSize * length + attention.heads * length * length) +
    2 * config.response_length * vocabularySize;
  memory["activations, at most"] = rows * kept * bytesPerFloat;
  return { steps: iterations, memory, notes };
}
