/** From data files to examples, for training and for evaluation; what is wrong with either is said at once. */
import { ConfigError, DataError, type DirectoryArtifact, type Logger, type Random } from "@alignkit/core";
import {
  awaitAll,
  createDemonstrationTokenizer,
  createTextCutter,
  filesOf,
  mixRows,
  type Origin,
  type RecordList,
  type RecordStore,
  streamDemonstrations,
  streamTexts,
  type TextTokenizer,
  tokenizeStream,
} from "@alignkit/data";
import type { Example, MixedTexts } from "./batches.js";
import type { PretrainConfig, SftConfig } from "./config.js";
import { createPacker } from "./pack-texts.js";

/** Examples of both kinds; `evaluation` may be empty. */
export interface Examples {
  readonly train: RecordList<Example>;
  /** Texts among those for training. */
  readonly mixed?: MixedTexts;
  readonly evaluation: RecordList<Example>;
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
  /** Holds the examples; the caller closes it. */
  readonly store: RecordStore;
}

/** @throws {DataError} naming file and line */
export function readSftExamples(options: ReadExamplesOptions<SftConfig>): Promise<Examples> {
  const { config, tokenizer, logger } = options;
  return readBoth(options, async function* (records) {
    const demonstrations = createDemonstrationTokenizer(tokenizer, {
      ...options,
      tooLong: config.too_long,
      appendEos: config.append_eos,
      completionOnly: config.completion_only_loss,
    });
    const stream = records.stream(streamDemonstrations);
    yield* tokenizeStream(stream, demonstrations, ({ truncated, dropped }) => {
      if (truncated + dropped === 0) return;
      const limit = `longer than ${options.maximumLength} tokens`;
      logger.warn(`${records.files.join(", ")}: ${limit}: ${truncated} truncated, ${dropped} dropped`);
    });
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
  store,
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
  const stream = async function* () {
    for await (const record of streamTexts(files)) yield* cut(record);
  };
  const texts = await store.keep(withoutOrigin(stream()));
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
  return readBoth(options, stream);
}

type Files = {
  readonly train_files: readonly string[] | null;
  readonly train_weights: readonly number[] | null;
  readonly eval_files: readonly string[] | null;
};

/** Files to read, one after the other or mixed by weight. */
interface Records {
  readonly files: readonly string[];
  stream<Record>(read: (files: readonly string[]) => AsyncIterable<Record>): AsyncIterable<Record>;
}

async function readBoth(
  { config, input, inputName, resolvePath, random, store }: ReadExamplesOptions<Files>,
  read: (records: Records) => AsyncIterable<Example>,
): Promise<Examples> {
  const found = input === undefined ? undefined : await filesOf(input);
  const trainFiles = config.train_files?.map(resolvePath) ?? found?.train;
  // Held-out rows of the input do not belong to other training files.
  const held = config.train_files === null ? found?.evaluation : undefined;
  const evaluationFiles = config.eval_files?.map(resolvePath) ?? held ?? [];
  if (trainFiles === undefined) {
    throw new ConfigError(`no data: give "train_files", or the input "${inputName}"`);
  }
  const [train, evaluation] = await awaitAll([
    store.keep(withoutOrigin(read(weighted(trainFiles, config.train_weights, random)))),
    evaluationFiles.length === 0
      ? []
      : store.keep(withoutOrigin(read(weighted(evaluationFiles, null, random)))),
  ] as const);
  if (train.length === 0) throw new DataError(`${trainFiles.join(", ")}: no example is left to learn from`);
  return { train, evaluation };
}

/** What the loop reads of an example; where it stood would be stored with each. */
async function* withoutOrigin(
  examples: AsyncIterable<Example & { readonly origin?: Origin }>,
): AsyncGenerator<Example> {
  for await (const { origin: _, ...example } of examples) yield example;
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
