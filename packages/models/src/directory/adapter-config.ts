/** `adapter_config.json`, as peft writes it for LoRA. */
import { ConfigError } from "@alignkit/core";
import { z } from "zod";
import type { Head, ModelConfig } from "../config.js";
import { onlySupports, positiveInteger, withDefault } from "../families/fields.js";
import type { LoraConfig } from "../lora-config.js";
import { definitionOf } from "../parameters.js";

/** What precedes the base model's names in `adapter_model.safetensors`. */
export const adapterPrefix = "base_model.model.";

/** Heads by peft's `task_type`. */
const taskHeads = { CAUSAL_LM: "language_model", SEQ_CLS: "scalar" } as const;

const nothing = z
  .unknown()
  .optional()
  .refine(
    (given) =>
      given === undefined || given === null || (typeof given === "object" && Object.keys(given).length === 0),
    { error: "is not supported" },
  );

const fields = z.object({
  peft_type: z.literal("LORA"),
  task_type: z.enum(Object.keys(taskHeads) as (keyof typeof taskHeads)[]).nullish(),
  base_model_name_or_path: z.string().min(1),
  r: positiveInteger,
  lora_alpha: withDefault(z.number().positive(), 8),
  use_rslora: withDefault(z.boolean(), false),
  target_modules: z.union([z.array(z.string()).min(1), z.string().min(1)]),
  modules_to_save: z.array(z.enum(["score", "classifier"])).nullish(),
  reward_bias: withDefault(z.number(), 0),
  bias: onlySupports("none"),
  use_dora: onlySupports(false),
  use_qalora: onlySupports(false),
  use_bdlora: onlySupports(false),
  lora_bias: onlySupports(false),
  exclude_modules: nothing,
  rank_pattern: nothing,
  alpha_pattern: nothing,
  layers_to_transform: nothing,
  layer_replication: nothing,
  target_parameters: nothing,
  trainable_token_indices: nothing,
  alora_invocation_tokens: nothing,
});

/** What `adapter_config.json` says. */
export interface StoredAdapter {
  readonly lora: Omit<LoraConfig, "base">;
  /** As it stands in the file. */
  readonly basePath: string;
  /** Null when the file does not say. */
  readonly head: Head | null;
  readonly rewardBias: number;
}

/** @throws {ConfigError} naming every field that is wrong or not supported at once */
export function parseAdapterConfig(source: Readonly<Record<string, unknown>>, file: string): StoredAdapter {
  const { data, error } = fields.safeParse(source);
  if (error !== undefined) {
    const problems = error.issues.map(
      ({ path, message }) =>
        `${path.join(".")} (${JSON.stringify(source[String(path[0])]) ?? "missing"}): ${message}`,
    );
    throw new ConfigError(`${file}: ${problems.join("; ")}`, { details: { file, problems } });
  }
  const { task_type: task } = data;
  return {
    lora: {
      rank: data.r,
      alpha: data.lora_alpha,
      rankStabilized: data.use_rslora,
      targets: data.target_modules,
    },
    basePath: data.base_model_name_or_path,
    head: task === null || task === undefined ? null : taskHeads[task],
    rewardBias: data.reward_bias,
  };
}

/** @param basePath - of the frozen model, as it is to stand in the file */
export function toAdapterConfig(
  config: ModelConfig,
  lora: LoraConfig,
  head: Head,
  basePath: string,
): Record<string, unknown> {
  return {
    alpha_pattern: {},
    base_model_name_or_path: basePath,
    bias: "none",
    fan_in_fan_out: definitionOf(config).linearLayout === "in_out",
    inference_mode: true,
    init_lora_weights: true,
    layers_to_transform: null,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    modules_to_save: head === "scalar" ? [definitionOf(config).modules.scalarHead] : null,
    peft_type: "LORA",
    r: lora.rank,
    rank_pattern: {},
    ...(config.rewardBias === 0 ? {} : { reward_bias: config.rewardBias }),
    target_modules: lora.targets,
    task_type: Object.entries(taskHeads).find(([, taskHead]) => taskHead === head)?.[0],
    use_dora: false,
    use_rslora: lora.rankStabilized,
  };
}
