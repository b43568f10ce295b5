/** LoRA as the stages offer it: config fields, the model they make of a directory's, and frozen weights in memory once. */
import { resolve } from "node:path";
import {
  type AdamWSettings,
  type Backend,
  ConfigError,
  createOptimizer,
  type DeviceTensor,
  type HostTensor,
  type Optimizer,
  type OptimizerSnapshot,
} from "@alignkit/core";
import { z } from "zod";
import type { ModelConfig } from "./config.js";
import type { Model, NumberSource } from "./initialize.js";
import { addLora, defaultLoraTargets, mergeLora, trainedOf, withLora } from "./lora.js";
import type { LoraConfig } from "./lora-config.js";
import { hostTensors } from "./training.js";

/** Fields for a config schema, named as in TRL's `ModelConfig`. */
export const loraFields = {
  use_peft: z
    .boolean()
    .default(false)
    .describe("Train a LoRA adapter and leave the model's own weights as they are"),
  lora_r: z
    .int()
    .positive()
    .nullable()
    .default(null)
    .describe("Rank of a new adapter; null takes 16 (TRL), one that is continued keeps its own"),
  lora_alpha: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("The adapter is scaled by alpha / rank; null takes 32 (TRL)"),
  lora_target_modules: z
    .union([z.string(), z.array(z.string()).min(1)], "Invalid input: expected a name or a list of names")
    .nullable()
    .default(null)
    .describe("Ends of module names, or all-linear; null takes queries and values (peft)"),
  use_rslora: z
    .boolean()
    .nullable()
    .default(null)
    .describe("Scale by alpha / sqrt(rank) instead; null takes false (TRL)"),
};

/** The values of `loraFields`. */
export type LoraFields = z.output<z.ZodObject<typeof loraFields>>;

/**
 * The model that a stage trains: without `use_peft` the whole of it, an adapter merged into its base; with it a new
 * adapter beside the frozen weights, or the one it has.
 * @param directory - where the model was read
 * @throws {ConfigError} when fields contradict the adapter that is continued, or name no projection
 */
export function modelToTrain<M extends Model>(
  model: M,
  fields: LoraFields,
  directory: string,
  random: NumberSource,
): M {
  const { lora } = configToTrain(model.config, fields, directory);
  if (lora === null) return mergeLora(model);
  return model.config.lora === null ? addLora(model, lora, random) : model;
}

/** The configuration of {@link modelToTrain}. */
export function configToTrain(config: ModelConfig, fields: LoraFields, directory: string): ModelConfig {
  if (!fields.use_peft) {
    // `fields` may be all of a stage's config.
    const names = Object.keys(loraFields) as (keyof LoraFields)[];
    const given = names.filter((name) => fields[name] !== null && fields[name] !== false);
    if (given.length > 0) throw new ConfigError(`${given.join(", ")}: only with use_peft: true`);
    return { ...config, lora: null };
  }
  if (config.lora === null) return withLora(config, newLora(config, fields, directory));
  requireSame(config.lora, fields, directory);
  return config;
}

function newLora(config: ModelConfig, fields: LoraFields, directory: string): LoraConfig {
  const { lora_target_modules: targets } = fields;
  // peft reads a text as an expression for whole names; a plain word can only be meant as the end of one.
  const named = typeof targets === "string" && /^\w+$/.test(targets) ? [targets] : targets;
  return {
    rank: fields.lora_r ?? 16,
    alpha: fields.lora_alpha ?? 32,
    rankStabilized: fields.use_rslora ?? false,
    targets: named ?? defaultLoraTargets(config),
    base: resolve(directory),
  };
}

function requireSame(lora: LoraConfig, fields: LoraFields, directory: string): void {
  const pairs = [
    ["lora_r", fields.lora_r, lora.rank],
    ["lora_alpha", fields.lora_alpha, lora.alpha],
    ["use_rslora", fields.use_rslora, lora.rankStabilized],
    ["lora_target_modules", fields.lora_target_modules, lora.targets],
  ] as const;
  const differing = pairs
    .filter(([, asked, own]) => asked !== null && JSON.stringify(asked) !== JSON.stringify(own))
    .map(([name, asked, own]) => `${name} ${JSON.stringify(asked)} (it has ${JSON.stringify(own)})`);
  if (differing.length === 0) return;
  throw new ConfigError(
    `${directory}: its LoRA adapter is continued, which contradicts ${differing.join(", ")}; leave that out, or merge the adapter first with "alignkit export"`,
  );
}

/** Weights on a backend, each array once, whichever models have it. */
export interface SharedWeights {
  upload(parameters: Readonly<Record<string, HostTensor>>): Promise<Readonly<Record<string, DeviceTensor>>>;
  /** Frees all that was uploaded. */
  dispose(): void;
}

/** Owns what it uploads, until it is disposed. */
export function createSharedWeights(backend: Backend): SharedWeights {
  // Weak, so that the arrays of the host can go.
  const known = new WeakMap<HostTensor["data"], DeviceTensor>();
  const owned: DeviceTensor[] = [];
  return {
    async upload(parameters) {
      const uploaded: Record<string, DeviceTensor> = {};
      for (const [name, value] of Object.entries(parameters)) {
        let tensor = known.get(value.data);
        if (tensor === undefined) {
          tensor = await backend.upload(value);
          known.set(value.data, tensor);
          owned.push(tensor);
        }
        uploaded[name] = tensor;
      }
      return uploaded;
    },
    dispose() {
      for (const tensor of owned) tensor.dispose();
    },
  };
}

/** A model to be trained. Its weights are made when training starts, so that nobody holds them beside the backend's. */
export interface ModelStart {
  readonly config: ModelConfig;
  /** Asked for once. */
  initialize(): Model["parameters"] | Promise<Model["parameters"]>;
}

/**
 * An optimizer of what the model trains, with its frozen weights beside.
 * @param saved - where to go on
 */
export async function createModelOptimizer(
  backend: Backend,
  settings: AdamWSettings,
  { config, head, initialize }: ModelStart & Pick<Model, "head">,
  shared: SharedWeights,
  saved?: OptimizerSnapshot,
): Promise<Optimizer> {
  const parameters = hostTensors(await initialize());
  const trained = trainedOf(config, head, parameters);
  const frozen = Object.fromEntries(Object.entries(parameters).filter(([name]) => !(name in trained)));
  return createOptimizer(backend, settings, saved ?? trained, await shared.upload(frozen));
}
