/** From data files to examples, for training and for evaluation; what is wrong with either is said at once. */
import { ConfigError, DataError, type DirectoryArtifact, isAlignkitError, type Logger } from "@alignkit/core";
import {
  filesOf,
  ignoredLabel,
  readDemonstrations,
  readTexts,
  type TextTokenizer,
  tokenizeDemonstrations,
  tokenizeTexts,
} from "@alignkit/data";
import type { Example, MixedTexts } from "./batches.js";
import type { PretrainConfig, SftConfig } from "./config.js";

/** Examples of both kinds; `evaluation` may be empty. */
export interface Examples {
  readonly train: readonly Example[];
  /** Texts among those for training. */
  readonly mixed?: MixedTexts;
  readonly evaluation: readonly Example[];
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
}

/** @throws {DataError} naming file and line */
export function readSftExamples(options: ReadExamplesOptions<SftConfig>): Promise<Examples> {
  const { config, tokenizer, logger } = options;
  return readBoth(options, async (files) => {
    const { examples, truncated, dropped } = tokenizeDemonstrations(
      await readDemonstrations(files),
      tokenizer,
      {
        ...options,
        tooLong: config.too_long,
        appendEos: config.append_eos,
        completionOnly: config.completion_only_loss,
      },
    );
    if (truncated + dropped > 0) {
      const limit = `longer than ${options.maximumLength} tokens`;
      logger.warn(`${files.join(", ")}: ${limit}: ${truncated} truncated, ${dropped} dropped`);
    }
    return examples;
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
}: Omit<ReadExamplesOptions<SftConfig>, "inputName" | "logger">): Promise<MixedTexts> {
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
  const texts = tokenizeTexts(await readTexts(files), tokenizer, { vocabularySize, maximumLength });
  if (texts.length === 0) throw new DataError(`${files.join(", ")}: no text is left to mix in`);
  return { texts, share };
}

/** @throws {DataError} naming file and line */
export function readPretrainExamples(options: ReadExamplesOptions<PretrainConfig>): Promise<Examples> {
  const { config, tokenizer, vocabularySize, maximumLength } = options;
  return readBoth(options, async (files) => {
    const records = await readTexts(files);
    if (!config.packing) return tokenizeTexts(records, tokenizer, { vocabularySize, maximumLength });
    const whole = { vocabularySize, maximumLength: Number.POSITIVE_INFINITY };
    return packTexts(tokenizeTexts(records, tokenizer, whole), maximumLength, config.document_mask);
  });
}

/**
 * Texts one after the other, cut into rows of equal length. Each row begins with the last token of the one before it, so
 * that every token but the first is learned once; the first token of a text is learned from the end of the one before.
 * @param withDocuments - whether rows say which text each token is of
 */
export function packTexts(texts: readonly Example[], length: number, withDocuments = false): Example[] {
  const total = texts.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  const ids = new Int32Array(total);
  const labels = new Int32Array(total);
  const documents = new Int32Array(withDocuments ? total : 0);
  let end = 0;
  for (const [index, text] of texts.entries()) {
    ids.set(text.inputIds, end);
    labels.set(text.labels, end);
    labels[end] = text.inputIds[0] as number;
    documents.fill(index, end, end + text.inputIds.length);
    end += text.inputIds.length;
  }
  const rows: Example[] = [];
  for (let start = 0; start + 1 < total; start += length - 1) {
    const rowLabels = labels.slice(start, start + length);
    rowLabels[0] = ignoredLabel;
    if (rowLabels.every((label) => label === ignoredLabel)) continue;
    rows.push({
      inputIds: ids.slice(start, start + length),
      labels: rowLabels,
      ...(withDocuments ? { documentIds: documents.slice(start, start + length) } : {}),
    });
  }
  return rows;
}

type Files = {
  readonly train_files: readonly string[] | null;
  readonly eval_files: readonly string[] | null;
};

async function readBoth(
  { config, input, inputName, resolvePath }: ReadExamplesOptions<Files>,
  read: (files: readonly string[]) => Promise<readonly Example[]>,
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
    read(trainFiles),
    evaluationFiles.length === 0 ? [] : read(evaluationFiles),
  ]);
  const errors = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw bothErrors(errors);
  const [train = [], evaluation = []] = results.map((result) =>
    result.status === "fulfilled" ? result.value : [],
  );
  if (train.length === 0) throw new DataError(`${trainFiles.join(", ")}: no example is left to learn from`);
  return { train, evaluation };
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
