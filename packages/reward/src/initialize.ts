/** Where a reward model comes from. */
import { type DirectoryArtifact, type Random, sizeOf } from "@alignkit/core";
import {
  type Model,
  openModelDirectory,
  type ParameterValue,
  parameterSpecifications,
  readTokenizerFiles,
  requireKnownIds,
} from "@alignkit/models";
import { type Tokenizer, tokenizerOf } from "@alignkit/tokenizer";

/** Without its weights. */
export interface InitialModel extends Pick<Model, "config" | "head"> {
  /** The tokenizer's, as they are. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Undefined where only ids are used. */
  readonly tokenizer: Tokenizer | undefined;
}

export async function readInitialModel({ directory }: DirectoryArtifact): Promise<InitialModel> {
  const { config, head, close } = await openModelDirectory(directory);
  await close();
  const files = await readTokenizerFiles(directory);
  const tokenizer = tokenizerOf(files, directory);
  requireKnownIds(config, tokenizer, directory);
  return { config, head, files, tokenizer };
}

/**
 * The parameters of a reward model: the decoder of `model`, and its scalar head, or a new one in place of its
 * language-model head, from N(0, 1/sqrt(D + 1)) as in the code of Ziegler et al. 2019 and Stiennon et al. 2020.
 */
export function withScalarHead(
  { config, parameters }: Pick<Model, "config" | "parameters">,
  random: Random,
): Map<string, ParameterValue> {
  return new Map(
    parameterSpecifications(config, "scalar").map(({ name, shape, initialization }) => {
      const known = parameters.get(name);
      if (known !== undefined) return [name, known];
      const deviation = initialization.kind === "normal" ? initialization.deviation : 0;
      const data = Float32Array.from({ length: sizeOf(shape) }, () => deviation * random.normal());
      return [name, { shape, data }];
    }),
  );
}
