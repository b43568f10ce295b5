/** From data files to examples: rankings, held-out rankings, demonstrations; what is wrong with any is said at once. */
import { ConfigError, DataError, type DirectoryArtifact, isAlignkitError, type Logger } from "@alignkit/core";
import {
  dataErrorAt,
  filesOf,
  type Ranking,
  readDemonstrations,
  readRankings,
  type TextTokenizer,
  tokenizeDemonstrations,
  tokenizeRankings,
} from "@alignkit/data";
import type { RankingExample } from "./batches.js";
import type { RewardConfig } from "./config.js";
import { holdOutLabelers, labelerOf } from "./labelers.js";

/** All but `train` may be empty. */
export interface Examples {
  readonly train: readonly RankingExample[];
  readonly evaluation: readonly RankingExample[];
  /** Prompts with completions as ids. */
  readonly demonstrations: readonly Int32Array[];
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
}

/**
 * @throws {DataError} naming file and line
 * @throws {ConfigError} when neither the config nor an input gives rankings, or labelers cannot be held out
 */
export async function readExamples(options: ReadExamplesOptions): Promise<Examples> {
  const { config, inputs, resolvePath } = options;
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
  const [train, evaluation, demonstrations] = await all([
    readRankingExamples(trainFiles, options),
    evaluationFiles.length === 0 ? [] : readRankingExamples(evaluationFiles, options),
    demonstrationFiles.length === 0 ? [] : readDemonstrationRows(demonstrationFiles, options),
  ]);
  if (train.length === 0) throw new DataError(`${trainFiles.join(", ")}: no ranking is left to learn from`);
  const { labeler_folds: folds, fold } = config;
  if (folds === null) return { train, evaluation, demonstrations };
  if (config.labeler_column === null) {
    throw new ConfigError(`labeler_folds is ${folds}, but labeler_column does not say who ranked; give both`);
  }
  return { ...holdOutLabelers({ train, evaluation }, { folds, fold }), demonstrations };
}

async function readRankingExamples(
  files: readonly string[],
  options: ReadExamplesOptions,
): Promise<RankingExample[]> {
  const { config, tokenizer, logger, maximumLength } = options;
  let tied = 0;
  const records = await readRankings(files, { onAllTied: () => tied++ });
  const columns = new Map(
    records.map((record) => [
      record.origin,
      { margin: marginOf(record), group: labelerOf(record, config.labeler_column) },
    ]),
  );
  const { rankings, truncated, dropped } = tokenizeRankings(records, tokenizer, {
    ...options,
    tooLong: config.too_long,
    appendEos: config.append_eos,
  });
  const name = files.join(", ");
  if (tied > 0) logger.warn(`${name}: ${tied} rankings left out, because all their ranks are equal`);
  if (truncated + dropped > 0) {
    logger.warn(`${name}: longer than ${maximumLength} tokens: ${truncated} truncated, ${dropped} dropped`);
  }
  return rankings.map(({ rows, pairs, origin }) => ({ rows, pairs, ...columns.get(origin) }));
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

async function readDemonstrationRows(
  files: readonly string[],
  options: ReadExamplesOptions,
): Promise<Int32Array[]> {
  const { config, tokenizer, logger, maximumLength } = options;
  const { examples, truncated, dropped } = tokenizeDemonstrations(
    await readDemonstrations(files),
    tokenizer,
    { ...options, tooLong: config.too_long, appendEos: config.append_eos },
  );
  if (truncated + dropped > 0) {
    const name = files.join(", ");
    logger.warn(`${name}: longer than ${maximumLength} tokens: ${truncated} truncated, ${dropped} dropped`);
  }
  return examples.map(({ inputIds }) => inputIds);
}

/** As `Promise.all`, but with the problems of all. */
async function all<T extends readonly unknown[]>(
  values: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(values);
  const errors = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  const [first] = errors;
  const foreign = errors.find((error) => !isAlignkitError(error));
  if (foreign !== undefined) throw foreign;
  if (errors.length === 1) throw first;
  if (errors.length > 1) {
    const problems = [...new Set(errors.map((error) => (error as Error).message))];
    throw new DataError(problems.join("\n"), { details: { problems }, cause: first });
  }
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
