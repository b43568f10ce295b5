/** From data files to examples: rankings, held-out rankings, demonstrations; what is wrong with any is said at once. */
import { ConfigError, DataError, type DirectoryArtifact, type Logger } from "@alignkit/core";
import {
  awaitAll,
  createDemonstrationTokenizer,
  createRankingTokenizer,
  dataErrorAt,
  filesOf,
  type Ranking,
  type RecordList,
  type RecordStore,
  streamDemonstrations,
  streamRankings,
  type TextTokenizer,
  type TooLongCounts,
  tokenizeStream,
} from "@alignkit/data";
import type { RankingExample } from "./batches.js";
import type { RewardConfig } from "./config.js";
import { holdOutLabelers, labelerOf } from "./labelers.js";

/** All but `train` may be empty. */
export interface Examples {
  readonly train: RecordList<RankingExample>;
  readonly evaluation: RecordList<RankingExample>;
  /** Prompts with completions as ids. */
  readonly demonstrations: RecordList<Int32Array>;
}

export interface ReadExamplesOptions {
  readonly config: RewardConfig;
  /** Used where the config names no files. */
  readonly inputs: {
    readonly rankings?: DirectoryArtifact;
    readonly demonstrations?: DirectoryArtifact;
  };
  readonly tokenizer: TextTokenizer | undefined;
  readonly vocabularySize: number;
  readonly maximumLength: number;
  readonly resolvePath: (path: string) => string;
  readonly logger: Logger;
  /** Holds the examples; the caller closes it. */
  readonly store: RecordStore;
}

/**
 * @throws {DataError} naming file and line
 * @throws {ConfigError} when neither the config nor an input gives rankings, or labelers cannot be held out
 */
export async function readExamples(options: ReadExamplesOptions): Promise<Examples> {
  const { config, inputs, resolvePath, store } = options;
  const given = inputs.rankings === undefined ? undefined : await filesOf(inputs.rankings);
  const trainFiles = config.train_files?.map(resolvePath) ?? given?.train;
  if (trainFiles === undefined) {
    throw new ConfigError(`no data: give "train_files", or the input "rankings"`);
  }
  // Held-out rows of the input do not belong to other training files.
  const held = config.train_files === null ? given?.evaluation : undefined;
  const evaluationFiles = config.eval_files?.map(resolvePath) ?? held ?? [];
  const ofInput = inputs.demonstrations === undefined ? undefined : await filesOf(inputs.demonstrations);
  const demonstrationFiles = config.demonstration_files?.map(resolvePath) ?? ofInput?.train ?? [];
  const [train, evaluation, demonstrations] = await awaitAll([
    store.keep(rankingExamples(trainFiles, options)),
    evaluationFiles.length === 0 ? [] : store.keep(rankingExamples(evaluationFiles, options)),
    demonstrationFiles.length === 0 ? [] : store.keep(demonstrationRows(demonstrationFiles, options)),
  ] as const);
  if (train.length === 0) throw new DataError(`${trainFiles.join(", ")}: no ranking is left to learn from`);
  const { labeler_folds: folds, fold } = config;
  if (folds === null) return { train, evaluation, demonstrations };
  if (config.labeler_column === null) {
    throw new ConfigError(`labeler_folds is ${folds}, but labeler_column does not say who ranked; give both`);
  }
  return { ...holdOutLabelers({ train, evaluation }, { folds, fold }), demonstrations };
}

async function* rankingExamples(
  files: readonly string[],
  options: ReadExamplesOptions,
): AsyncGenerator<RankingExample> {
  const { config, tokenizer, logger } = options;
  let tied = 0;
  const { tokenize, counts } = createRankingTokenizer(tokenizer, tokenizeOptions(options));
  const withColumns = (record: Ranking): RankingExample | undefined => {
    const columns = { margin: marginOf(record), group: labelerOf(record, config.labeler_column) };
    const ranking = tokenize(record);
    return ranking && { rows: ranking.rows, pairs: ranking.pairs, ...columns };
  };
  yield* tokenizeStream(
    streamRankings(files, { onAllTied: () => tied++ }),
    { tokenize: withColumns, counts },
    warnOfLengths(files, options),
  );
  const name = files.join(", ");
  if (tied > 0) logger.warn(`${name}: ${tied} rankings left out, because all their ranks are equal`);
}

/** The column `margin` of a preference, as TRL's `RewardTrainer` reads it. */
function marginOf({ row, ranks, origin }: Ranking): number {
  const { margin } = row;
  if (margin === undefined || margin === null) return 0;
  if (typeof margin !== "number" || !Number.isFinite(margin)) {
    throw dataErrorAt(origin, `"margin" is ${JSON.stringify(margin)}; give a number`);
  }
  if (ranks.length !== 2) {
    throw dataErrorAt(origin, `"margin" stands beside ${ranks.length} responses; it is for rankings of two`);
  }
  return margin;
}

async function* demonstrationRows(
  files: readonly string[],
  options: ReadExamplesOptions,
): AsyncGenerator<Int32Array> {
  const examples = createDemonstrationTokenizer(options.tokenizer, tokenizeOptions(options));
  const stream = tokenizeStream(streamDemonstrations(files), examples, warnOfLengths(files, options));
  for await (const { inputIds } of stream) yield inputIds;
}

function tokenizeOptions(options: ReadExamplesOptions) {
  const { too_long: tooLong, append_eos: appendEos } = options.config;
  return { ...options, tooLong, appendEos };
}

function warnOfLengths(files: readonly string[], { logger, maximumLength }: ReadExamplesOptions) {
  return ({ truncated, dropped }: TooLongCounts): void => {
    if (truncated + dropped === 0) return;
    const name = files.join(", ");
    logger.warn(`${name}: longer than ${maximumLength} tokens: ${truncated} truncated, ${dropped} dropped`);
  };
}
