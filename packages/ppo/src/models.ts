import { ConfigError, type DeviceTensor, float32, type HostTensor, type Random } from "@alignkit/core";
import {
  type Head,
  hostTensors,
  initializeParameters,
  type LoraFields,
  type ModelConfig,
  modelToTrain,
  type ParameterValue,
  parameterNames,
  parameterValues,
  readModelDirectory,
  readTokenizerFiles,
  requireKnownIds,
  type SharedWeights,
} from "@alignkit/models";
import { type Tokenizer, tokenizerOf } from "@alignkit/tokenizer";

type Named<T> = Readonly<Record<string, T>>;

/** A model directory in memory. */
export interface LoadedModel {
  readonly directory: string;
  readonly config: ModelConfig;
  readonly head: Head;
  readonly parameters: Named<HostTensor>;
  readonly generationConfig: Readonly<Record<string, unknown>> | null;
  /** The tokenizer's files by name, empty without one. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Absent without a tokenizer.json; then all data must be given as ids. */
  readonly tokenizer: Tokenizer | undefined;
}

/** A model without its weights, which are on the backend by then. */
export type ModelDescription = Omit<LoadedModel, "parameters">;

/** The description alone, so that the weights can be freed. */
export function describeModel({ parameters: _, ...description }: LoadedModel): ModelDescription {
  return description;
}

/** @param known - weights that were read before, by origin, so that models of one base share them; is added to */
export async function loadModel(
  directory: string,
  known: Map<string, ParameterValue> = new Map(),
): Promise<LoadedModel> {
  const { config, head, parameters, generationConfig } = await readModelDirectory(directory, { known });
  const files = await readTokenizerFiles(directory);
  const tokenizer = tokenizerOf(files, directory);
  requireKnownIds(config, tokenizer, directory);
  return { directory, config, head, parameters: hostTensors(parameters), generationConfig, files, tokenizer };
}

/** The model that is trained: the whole of it, or an adapter beside it. */
export function withAdapter(model: LoadedModel, fields: LoraFields, random: Random): LoadedModel {
  const whole = { ...model, parameters: parameterValues(model.parameters) };
  const { config, parameters } = modelToTrain(whole, fields, model.directory, random);
  return { ...model, config, parameters: hostTensors(parameters) };
}

/** A model whose weights do not change, on the backend. */
export interface FrozenModel {
  readonly config: ModelConfig;
  readonly parameters: Named<DeviceTensor>;
}

/** The weights stay those of `shared`. */
export async function freeze(
  shared: SharedWeights,
  { config, parameters }: LoadedModel,
): Promise<FrozenModel> {
  return { config, parameters: await shared.upload(parameters) };
}

/**
 * Where the value model starts when no reward model reads the policy's ids: the policy's body under a fresh scalar head.
 * The paper starts it from the reward model.
 */
export function valueModelFromPolicy(policy: LoadedModel, random: Random): LoadedModel {
  const fresh = initializeParameters(policy.config, "scalar", random);
  const { scalarHead } = parameterNames(policy.config);
  const parameters: Record<string, HostTensor> = {};
  for (const [name, { data, shape }] of fresh) {
    const own = policy.parameters[name];
    if (own === undefined && name !== scalarHead)
      throw new ConfigError(`${policy.directory}: has no ${name} for the value model`);
    parameters[name] = own ?? float32(data, shape);
  }
  return { ...policy, head: "scalar", parameters };
}

/** Whether two models read the same ids: of equal tokenizer.json, or both without one. */
export function sameTokenizer(
  a: Pick<ModelDescription, "files">,
  b: Pick<ModelDescription, "files">,
): boolean {
  const [own, other] = [a.files.get("tokenizer.json"), b.files.get("tokenizer.json")];
  if (own === undefined || other === undefined) return own === other;
  return Buffer.compare(own, other) === 0;
}

/**
 * Models that read the policy's ids must know all of them, and as many positions as an episode has.
 * @param readers - by what they are
 * @param length - tokens of the longest episode
 * @throws {ConfigError} naming all that do not
 */
export function checkReaders(
  policy: ModelDescription,
  readers: Readonly<Record<string, ModelDescription>>,
  length: number,
): void {
  const problems = Object.entries(readers).flatMap(([what, { directory, config }]) => [
    ...(config.vocabularySize < policy.config.vocabularySize
      ? [
          `the ${what} (${directory}) knows ${config.vocabularySize} tokens, the policy ${policy.config.vocabularySize}`,
        ]
      : []),
    ...(config.maxPositions < length
      ? [
          `the ${what} (${directory}) has ${config.maxPositions} positions, the longest prompt with its response ${length}`,
        ]
      : []),
  ]);
  if (problems.length > 0) throw new ConfigError(`ppo: ${problems.join("; ")}`);
}

/**
 * Ids that end a response: those of the generation config, else those of the model, else the tokenizer's end token; and
 * the one that ends an answer in the chat template.
 * @throws {ConfigError} when none is named
 */
export function stopTokens({
  directory,
  config,
  generationConfig,
  tokenizer,
}: ModelDescription): readonly number[] {
  const given = generationConfig?.eos_token_id;
  const named = Array.isArray(given)
    ? (given as number[])
    : typeof given === "number"
      ? [given]
      : config.eosTokenIds;
  const own = tokenizer?.eosTokenId;
  const ends = named.length > 0 ? named : own === undefined ? [] : [own];
  // What ends an answer in the chat template often is not what ends a document.
  const turn = tokenizer?.chat?.stopTokenId;
  const ids = turn === undefined || ends.includes(turn) ? ends : [...ends, turn];
  if (ids.length === 0) {
    throw new ConfigError(
      `${directory}: neither generation_config.json, config.json nor the tokenizer names an end token, so that no response would end; set eos_token_id`,
    );
  }
  return ids;
}
