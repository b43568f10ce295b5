/** From data files to examples, for training and for evaluation; what is wrong with either is said at once. */
import {
  ConfigError,
  DataError,
  type DirectoryArtifact,
  isAlignkitError,
  type Logger,
  type Random,
} from "@alignkit/core";
import {
  createDemonstrationTokenizer,
  createTextCutter,
  filesOf,
  mixRows,
  streamDemonstrations,
  streamTexts,
  type TextTokenizer,
} from "@alignkit/data";
import type { Example, MixedTexts } from "./batches.js";
import type { PretrainConfig, SftConfig } from "./config.js";
import { type ExampleList, gatherExamples } from "./example-list.js";
import { createPacker } from "./pack-texts.js";

/** Examples of both kinds; `evaluation` may be empty. The caller closes what is in files. */
export interface Examples {
  readonly train: ExampleList;
  /** Texts among those for training. */
  readonly mixed?: MixedTexts;
  readonly evaluation: readonly Example[];
}

export function closeExamples({ train, mixed }: Examples): void {
  train.close?.();
  mixed?.texts.close?.();
}

export interface ReadExamplesOptions<Config> {
  readonly config: Config;
  /** The stage's data input, used where the config names no files. */
  readonly input: DirectoryArtifact | undefined;
  /** What to say when there is neither. */
  readonly inputName: string;
  readonly tokenizer: TextTokenizer | undefined;
  readonly vocabularySize: number;
  readonly maximumLength: number;
  readonly resolvePath: (path: string) => string;
  readonly logger: Logger;
  /** Draws the file of each next example, where files are mixed by weight. */
  readonly random: Random;
  /** Where tokens go that are not kept in memory. */
  readonly directory: string;
}

/** @throws {DataError} naming file and line */
export function readSftExamples(options: ReadExamplesOptions<SftConfig>): Promise<Examples> {
  const { config, tokenizer, logger } = options;
  return readBoth(options, async function* (records) {
    const { tokenize, counts } = createDemonstrationTokenizer(tokenizer, {
      ...options,
      tooLong: config.too_long,
      appendEos: config.append_eos,
      completionOnly: config.completion_only_loss,
    });
    for await (const record of records.stream(streamDemonstrations)) {
      const example = tokenize(record);
      if (example !== undefined) yield example;
    }
    const { truncated, dropped } = counts();
    if (truncated + dropped > 0) {
      const limit = `longer than ${options.maximumLength} tokens`;
      logger.warn(`${records.files.join(", ")}: ${limit}: ${truncated} truncated, ${dropped} dropped`);
    }
  });
}

/**
 * Raw text to stand among demonstrations, in pieces as long as fit; none where the share is 0.
 * @throws {ConfigError} when there is a share and no text
 * @throws {DataError} naming file and line
 */
export async function readMixedTexts({
  config,
  input,
  tokenizer,
  vocabularySize,
  maximumLength,
  resolvePath,
  directory,
}: Omit<ReadExamplesOptions<SftConfig>, "inputName" | "logger" | "random">): Promise<MixedTexts> {
  const { pretrain_mix: share, pretrain_files: given } = config;
  if (share === 0) {
    if (given === null) return { texts: [], share };
    throw new ConfigError(
      `pretrain_files are given, but pretrain_mix is 0; give their share (paper, C.3: 0.1)`,
    );
  }
  const files = given?.map(resolvePath) ?? (input === undefined ? undefined : (await filesOf(input)).train);
  if (files === undefined) {
    throw new ConfigError(`pretrain_mix is ${share}: give "pretrain_files", or the input "texts"`);
  }
  const cut = createTextCutter(tokenizer, { vocabularySize, maximumLength });
  const texts = await gatherExamples(
    (async function* () {
      for await (const record of streamTexts(files)) yield* cut(record);
    })(),
    config.tokens_on_disk ? directory : undefined,
  );
  if (texts.length === 0) throw new DataError(`${files.join(", ")}: no text is left to mix in`);
  return { texts, share };
}

/** @throws {DataError} naming file and line */
export function readPretrainExamples(options: ReadExamplesOptions<PretrainConfig>): Promise<Examples> {
  const { config, tokenizer, vocabularySize, maximumLength } = options;
  const pieces = config.packing ? Number.POSITIVE_INFINITY : maximumLength;
  const stream = async function* (records: Records): AsyncGenerator<Example> {
    const cut = createTextCutter(tokenizer, { vocabularySize, maximumLength: pieces });
    const packer = createPacker(maximumLength, config.document_mask);
    for await (const record of records.stream(streamTexts)) {
      for (const text of cut(record)) {
        if (config.packing) yield* packer.add(text);
        else yield text;
      }
    }
    yield* packer.end();
  };
  return readBoth(options, stream, config.packing && config.document_mask);
}

type Files = {
  readonly train_files: readonly string[] | null;
  readonly train_weights: readonly number[] | null;
  readonly eval_files: readonly string[] | null;
  readonly tokens_on_disk: boolean;
};

/** Files to read, one after the other or mixed by weight. */
interface Records {
  readonly files: readonly string[];
  stream<Record>(read: (files: readonly string[]) => AsyncIterable<Record>): AsyncIterable<Record>;
}

async function readBoth(
  { config, input, inputName, resolvePath, random, directory }: ReadExamplesOptions<Files>,
  read: (records: Records) => AsyncIterable<Example>,
  hasDocuments = false,
): Promise<Examples> {
  const found = input === undefined ? undefined : await filesOf(input);
  const trainFiles = config.train_files?.map(resolvePath) ?? found?.train;
  // Held-out rows of the input do not belong to other training files.
  const held = config.train_files === null ? found?.evaluation : undefined;
  const evaluationFiles = config.eval_files?.map(resolvePath) ?? held ?? [];
  if (trainFiles === undefined) {
    throw new ConfigError(`no data: give "train_files", or the input "${inputName}"`);
  }
  const results = await Promise.allSettled([
    gatherExamples(
      read(weighted(trainFiles, config.train_weights, random)),
      config.tokens_on_disk ? directory : undefined,
      hasDocuments,
    ),
    evaluationFiles.length === 0 ? [] : arrayOf(read(weighted(evaluationFiles, null, random))),
  ] as const);
  const errors = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  const [train, evaluation] = results;
  if (train.status === "rejected" || evaluation.status === "rejected") {
    if (train.status === "fulfilled") train.value.close?.();
    throw errors.length === 1 ? errors[0] : bothErrors(errors);
  }
  if (train.value.length === 0) {
    throw new DataError(`${trainFiles.join(", ")}: no example is left to learn from`);
  }
  return { train: train.value, evaluation: evaluation.value };
}

async function arrayOf(stream: AsyncIterable<Example>): Promise<readonly Example[]> {
  const examples: Example[] = [];
  for await (const example of stream) examples.push(example);
  return examples;
}

/** @throws {ConfigError} when there is not a weight for each file */
function weighted(files: readonly string[], weights: readonly number[] | null, random: Random): Records {
  if (weights !== null && weights.length !== files.length) {
    throw new ConfigError(
      `train_weights has ${weights.length} weights for ${files.length} files; give one for each of train_files`,
    );
  }
  return {
    files,
    stream: (read) =>
      weights === null
        ? read(files)
        : mixRows(
            files.map((file, index) => ({ rows: read([file]), weight: weights[index] as number })),
            random,
          ),
  };
}

function bothErrors(errors: readonly unknown[]): unknown {
  const foreign = errors.find((error) => !isAlignkitError(error));
  if (foreign !== undefined) return foreign;
  const messages = errors.map((error) => (error as Error).message);
  return new DataError([...new Set(messages)].join("\n"), {
    details: { problems: messages },
    cause: errors[0],
  });
}
