/**
 * Low-rank adapters (Hu et al. 2021): `W' = W + scaling B A`, with A `[R, in]` and B `[out, R]` as further parameters
 * beside the frozen ones, named as peft names them.
 */
import { ConfigError } from "@alignkit/core";
import type { Head, ModelConfig } from "./config.js";
import {
  initializeSpecifications,
  type Model,
  type NumberSource,
  type ParameterValue,
} from "./initialize.js";
import { endsWith, type LoraConfig, loraScaling } from "./lora-config.js";
import { linearsOf, parameterNames, parameterSpecifications } from "./parameters.js";

/** Parameters of a model with what they are read as. */
/** The projections that peft adapts when none are named: queries and values, or the fused one. */
export function defaultLoraTargets(config: ModelConfig): readonly string[] {
  const { projection } = parameterNames({ ...config, lora: null }).layers[0] ?? {};
  if (projection === undefined) return [];
  const adapted =
    projection.kind === "fused" ? [projection.queryKeyValue] : [projection.query, projection.value];
  return adapted.map(({ module }) => module.slice(module.lastIndexOf(".") + 1));
}

/**
 * The same model with a new adapter, which changes nothing yet: A from U(-1/sqrt(in), 1/sqrt(in)), B zero, as peft has it.
 * @throws {ConfigError} when a target names no projection
 */
export function addLora<M extends Model>(model: M, lora: LoraConfig, random: NumberSource): M {
  const config = withLora(model.config, lora);
  const added = parameterSpecifications(config, model.head).filter(({ name }) => !model.parameters.has(name));
  return {
    ...model,
    config,
    parameters: new Map([...model.parameters, ...initializeSpecifications(added, random)]),
  };
}

/**
 * A config with an adapter, checked.
 * @throws {ConfigError} when a target names no projection, with the names there are
 */
export function withLora(config: ModelConfig, lora: LoraConfig): ModelConfig {
  const adapted: ModelConfig = { ...config, lora };
  const linears = parameterNames(adapted).layers.flatMap(linearsOf);
  const idle =
    typeof lora.targets === "string"
      ? linears.every(({ lora: names }) => names === null)
        ? [lora.targets]
        : []
      : lora.targets.filter((target) => !linears.some(({ module }) => endsWith(module, target)));
  if (idle.length > 0 || lora.targets.length === 0) {
    const names = [...new Set(linears.map(({ module }) => module.slice(module.lastIndexOf(".") + 1)))];
    throw new ConfigError(
      `LoRA: targets ${JSON.stringify(idle)} name no projection of ${config.family}; it has ${names.join(", ")}, or give "all-linear"`,
    );
  }
  return adapted;
}

/** Names of the parameters that training changes: all of them, or with an adapter its own and the scalar head. */
export function trainableNames(config: ModelConfig, head: Head): readonly string[] {
  return parameterSpecifications(config, head)
    .filter(({ frozen }) => !frozen)
    .map(({ name }) => name);
}

/** Those of `parameters` that training changes, by name. */
export function trainedOf<T>(
  config: ModelConfig,
  head: Head,
  parameters: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  if (config.lora === null) return parameters;
  const names = new Set(trainableNames(config, head));
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => names.has(name)));
}

/** The same model in its base's shape: each adapted weight is `W + scaling B A`. A model without an adapter as it is. */
export function mergeLora<M extends Model>(model: M): M {
  const { config, parameters } = model;
  if (config.lora === null) return model;
  const scaling = loraScaling(config.lora);
  const names = parameterNames(config);
  const merged = new Map(parameters);
  for (const { weight, lora } of names.layers.flatMap(linearsOf)) {
    if (lora === null) continue;
    const value = parameters.get(weight) as ParameterValue;
    const change = [parameters.get(lora.down), parameters.get(lora.up)] as [ParameterValue, ParameterValue];
    merged.set(weight, { shape: value.shape, data: addProduct(value, change, scaling, names.linearLayout) });
    merged.delete(lora.down);
    merged.delete(lora.up);
  }
  return { ...model, config: { ...config, lora: null }, parameters: merged };
}

function addProduct(
  weight: ParameterValue,
  [down, up]: readonly [ParameterValue, ParameterValue],
  scaling: number,
  layout: "out_in" | "in_out",
): Float32Array {
  const [rank, inputs] = down.shape as [number, number];
  const outputs = up.shape[0] as number;
  const result = Float32Array.from(weight.data);
  const row = new Float64Array(inputs);
  for (let output = 0; output < outputs; output++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scaling * (up.data[output * rank + r] as number);
      for (let input = 0; input < inputs; input++) {
        row[input] = (row[input] as number) + factor * (down.data[r * inputs + input] as number);
      }
    }
    for (let input = 0; input < inputs; input++) {
      const at = layout === "out_in" ? output * inputs + input : input * outputs + output;
      result[at] = (result[at] as number) + (row[input] as number);
    }
  }
  return result;
}
