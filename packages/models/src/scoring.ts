/** What a model says of given texts, without gradients: log-probabilities of tokens, and rewards. */
import {
  type Backend,
  ConfigError,
  compileFunction,
  type DeviceTensor,
  int32,
  type Tensor,
  takeRows,
} from "@alignkit/core";
import type { ModelConfig } from "./config.js";
import { hiddenStates } from "./decoder.js";
import type { ParameterTensors } from "./decoder-layer.js";
import { scalarScores, tokenLogProbs } from "./heads.js";
import { parameterNames } from "./parameters.js";
import { type BatchOptions, type RaggedBatch, raggedBatches } from "./ragged-batches.js";

type Parameters = Readonly<Record<string, DeviceTensor>>;

/** A tokenized text. */
export interface ScoredSequence {
  readonly ids: readonly number[];
  /** As many as ids: a token to be predicted at its place, or -100 where none is; by default all of `ids`. */
  readonly labels?: readonly number[];
}

/** What is settled when a scorer is made. */
export interface ScorerSettings {
  /** Divides the logits; 1 by default. */
  readonly temperature?: number;
}

/** Log-probabilities under one set of parameters. */
export interface Scorer {
  /**
   * For each sequence, in nats, the log-probability of each of its labelled tokens given those before; the first
   * token has none before it and is never scored.
   * @throws {ConfigError} when a sequence does not fit the model
   * @throws {InterruptedError} when the signal fires between two batches
   */
  logProbs(sequences: readonly ScoredSequence[], options?: BatchOptions): Promise<Float32Array[]>;
  /** Frees what was compiled; the parameters stay the caller's. */
  dispose(): Promise<void>;
}

/** Rewards under one set of parameters. */
export interface RewardScorer {
  /**
   * The scalar head at the last token of each sequence, plus `config.rewardBias`.
   * @throws {ConfigError} when a sequence does not fit the model
   * @throws {InterruptedError} when the signal fires between two batches
   */
  scores(sequences: readonly (readonly number[])[], options?: BatchOptions): Promise<Float32Array>;
  /** Frees what was compiled; the parameters stay the caller's. */
  dispose(): Promise<void>;
}

type TokenTensors = { readonly ids: Tensor; readonly positions: Tensor };
type HiddenInputs = TokenTensors & { readonly parameters: ParameterTensors; readonly rows: Tensor };
type HeadInputs = {
  readonly head: ParameterTensors;
  readonly hidden: Tensor;
  /** Which of the hidden states. */
  readonly rows: Tensor;
  readonly targets: Tensor;
};

const tokenAxes = {
  ids: ["batch", "length"],
  positions: ["batch", "length"],
  rows: ["rows"],
} as const;

/** Logits held at once, in numbers: 64 MiB. */
const logitsAtOnce = 2 ** 24;

/** @param parameters - of a language model, by Hugging Face's names; they must live as long as the scorer */
export function createScorer(
  backend: Backend,
  config: ModelConfig,
  parameters: Parameters,
  { temperature = 1 }: ScorerSettings = {},
): Scorer {
  if (!(temperature > 0))
    throw new ConfigError(`scoring: temperature must be positive, it is ${temperature}`);
  const headName = parameterNames(config).languageModelHead;
  const { [headName]: head, ...withoutHead } = parameters;
  if (head === undefined) throw new ConfigError(`scoring: ${headName} is missing; is this a language model?`);

  // Parameters are arguments: as constants a backend repacks them, a copy that only products of few rows win back.
  const hiddenOf = compileFunction(
    backend,
    (given: HiddenInputs) => ({ hidden: hiddenOfTokens(config, given) }),
    { dynamic: tokenAxes },
  );
  const decoderParameters = config.tiedHead ? parameters : withoutHead;
  // Apart from the decoder, so that few rows of logits are in memory at once.
  const logProbsOf = compileFunction(
    backend,
    ({ head: given, hidden, rows, targets }: HeadInputs) => ({
      logProbs: tokenLogProbs(config, given, takeRows(hidden, rows), targets, temperature).logProbs,
    }),
    { dynamic: { hidden: ["tokens", null], rows: ["rows"], targets: ["rows"] } },
  );
  const rowsAtOnce = Math.max(16, Math.floor(logitsAtOnce / config.vocabularySize));

  /** Where each size is compiled for itself, rows are filled up to sizes that recur. */
  const sizeFor = (count: number) => (backend.dynamicShapes ? count : rounded(count));

  const scoreRows = async (hidden: DeviceTensor, targets: Int32Array): Promise<Float32Array> => {
    const result = new Float32Array(targets.length);
    for (let start = 0; start < result.length; start += rowsAtOnce) {
      const end = Math.min(result.length, start + rowsAtOnce);
      const count = sizeFor(end - start);
      const { logProbs } = await logProbsOf({
        head: { [headName]: head },
        hidden,
        rows: int32(
          Array.from({ length: count }, (_, index) => Math.min(start + index, end - 1)),
          [count],
        ),
        targets: int32(padded(targets.subarray(start, end), count), [count]),
      });
      result.set((await logProbs.read()).data.subarray(0, end - start), start);
      logProbs.dispose();
    }
    return result;
  };

  const scoreBatch = async (batch: RaggedBatch, wanted: Wanted): Promise<Float32Array> => {
    if (wanted.rows.length === 0) return new Float32Array(0);
    const count = sizeFor(wanted.rows.length);
    const rows = int32(padded(wanted.rows, count), [count]);
    const { hidden } = await hiddenOf({ ...tokensOf(batch), rows, parameters: decoderParameters });
    const logProbs = await scoreRows(hidden, wanted.targets);
    hidden.dispose();
    return logProbs;
  };

  return {
    async logProbs(sequences, options = {}) {
      checkLabels(config, sequences);
      const results = new Array<Float32Array>(sequences.length);
      const ids = sequences.map((sequence) => sequence.ids);
      for (const batch of raggedBatches(backend, config, ids, options)) {
        const wanted = labelledRows(batch, sequences);
        const logProbs = await scoreBatch(batch, wanted);
        for (const [row, index] of batch.indices.entries()) {
          results[index] = logProbs.slice(wanted.ends[row], wanted.ends[row + 1]);
        }
      }
      return results;
    },
    async dispose() {
      await hiddenOf.dispose();
      await logProbsOf.dispose();
    },
  };
}

/** @param parameters - of a model with a scalar head, by Hugging Face's names; they must live as long as the scorer */
export function createRewardScorer(
  backend: Backend,
  config: ModelConfig,
  parameters: Parameters,
): RewardScorer {
  const scoresOf = compileFunction(
    backend,
    (given: HiddenInputs) => ({
      scores: scalarScores(config, given.parameters, hiddenOfTokens(config, given)),
    }),
    { dynamic: { ...tokenAxes, rows: ["batch"] } },
  );
  return {
    async scores(sequences, options = {}) {
      const results = new Float32Array(sequences.length);
      for (const batch of raggedBatches(backend, config, sequences, options)) {
        const last = batch.indices.map(
          (index, row) => row * batch.length + (sequences[index] as readonly number[]).length - 1,
        );
        const { scores } = await scoresOf({
          ...tokensOf(batch),
          parameters,
          rows: int32(last, [last.length]),
        });
        const { data } = await scores.read();
        scores.dispose();
        for (const [row, index] of batch.indices.entries()) {
          results[index] = (data[row] as number) + config.rewardBias;
        }
      }
      return results;
    },
    dispose: () => scoresOf.dispose(),
  };
}

const hiddenOfTokens = (config: ModelConfig, { parameters, ids, positions, rows }: HiddenInputs): Tensor =>
  hiddenStates(config, parameters, { inputIds: ids, positionIds: positions, rows });

const tokensOf = ({ ids, positions }: RaggedBatch) => ({ ids, positions });

/** Rows of hidden states with the token that comes next. */
interface Wanted {
  readonly rows: Int32Array;
  readonly targets: Int32Array;
  /** Those of row b are `ends[b] .. ends[b + 1] - 1`. */
  readonly ends: readonly number[];
}

function labelledRows({ indices, length }: RaggedBatch, sequences: readonly ScoredSequence[]): Wanted {
  const rows: number[] = [];
  const targets: number[] = [];
  const ends = [0];
  for (const [row, index] of indices.entries()) {
    const { ids, labels = ids } = sequences[index] as ScoredSequence;
    for (let t = 1; t < ids.length; t++) {
      const label = labels[t] as number;
      if (label === ignored) continue;
      rows.push(row * length + t - 1);
      targets.push(label);
    }
    ends.push(rows.length);
  }
  return { rows: Int32Array.from(rows), targets: Int32Array.from(targets), ends };
}

/** The label of a token that is not scored, as PyTorch has it. */
const ignored = -100;

function checkLabels(config: ModelConfig, sequences: readonly ScoredSequence[]): void {
  const problems: string[] = [];
  for (const [index, { ids, labels }] of sequences.entries()) {
    if (labels === undefined) continue;
    if (labels.length !== ids.length) {
      problems.push(`sequence ${index} has ${ids.length} ids and ${labels.length} labels`);
    }
    const isLabel = (label: number) =>
      label === ignored || (Number.isInteger(label) && label >= 0 && label < config.vocabularySize);
    const wrong = labels.find((label) => !isLabel(label));
    if (wrong !== undefined) {
      problems.push(`sequence ${index} has label ${wrong}, neither ${ignored} nor in the vocabulary`);
    }
  }
  if (problems.length > 0)
    throw new ConfigError(`scoring: ${problems.join("; ")}`, { details: { problems } });
}

/** The next power of two. */
const rounded = (count: number): number => 2 ** Math.ceil(Math.log2(count));

function padded(values: Int32Array, length: number): Int32Array {
  const result = new Int32Array(length);
  result.set(values);
  return result;
}
