import {
  type Backend,
  compileFunction,
  type DeviceTensor,
  int32,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import { hiddenStates, type ModelConfig, scalarScores, tokenLogProbs } from "@alignkit/models";
import { collateEpisodes, type Episode, splitTokens } from "./episode.js";
import { chunksOf, toTensors } from "./update.js";

type Parameters = Readonly<Record<string, DeviceTensor>>;

export interface EvaluateOptions {
  readonly padTokenId: number;
  readonly rowsPerForward: number;
}

interface Tokens {
  readonly inputIds: Tensor;
  readonly positionIds: Tensor;
  readonly rows: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
}

/** A number per response token of each episode, from one forward pass per chunk. */
export interface TokenEvaluator {
  (parameters: Parameters, episodes: readonly Episode[]): Promise<readonly Float64Array[]>;
  dispose(): Promise<void>;
}

/** Log-probabilities of the response tokens, nats. @param temperature - divides the logits */
export function createLogProbEvaluator(
  backend: Backend,
  config: ModelConfig,
  temperature: number,
  options: EvaluateOptions,
): TokenEvaluator {
  return createTokenEvaluator(backend, options, (parameters, batch) => {
    const hidden = hiddenStates(config, parameters, batch);
    return tokenLogProbs(config, parameters, hidden, batch.rows, batch.targets, temperature).logProbs;
  });
}

/** Values of the states before each response token. */
export function createValueEvaluator(
  backend: Backend,
  config: ModelConfig,
  options: EvaluateOptions,
): TokenEvaluator {
  return createTokenEvaluator(backend, options, (parameters, batch) =>
    scalarScores(config, parameters, hiddenStates(config, parameters, batch), batch.rows),
  );
}

function createTokenEvaluator(
  backend: Backend,
  { padTokenId, rowsPerForward }: EvaluateOptions,
  body: (parameters: TensorRecord, batch: Tokens) => Tensor,
): TokenEvaluator {
  const run = compileFunction(
    backend,
    ({ parameters, batch }: { readonly parameters: TensorRecord; readonly batch: Tokens }) => ({
      result: body(parameters, batch),
    }),
  );
  const evaluate = async (parameters: Parameters, episodes: readonly Episode[]) => {
    const rows: Float64Array[] = [];
    for (const chunk of chunksOf(episodes, rowsPerForward)) {
      const batch = collateEpisodes(chunk, padTokenId);
      const { result } = await run({ parameters, batch: toTensors(batch) });
      rows.push(
        ...splitTokens(
          (await result.read()).data,
          chunk.map(({ responseIds }) => responseIds.length),
        ),
      );
      result.dispose();
    }
    return rows;
  };
  return Object.assign(evaluate, { dispose: () => run.dispose() });
}

/** Score of each episode at its last real token, the reward model's bias included. */
export interface EpisodeScorer {
  (parameters: Parameters, episodes: readonly Episode[]): Promise<readonly number[]>;
  dispose(): Promise<void>;
}

export function createEpisodeScorer(
  backend: Backend,
  config: ModelConfig,
  { padTokenId, rowsPerForward }: EvaluateOptions,
): EpisodeScorer {
  const run = compileFunction(
    backend,
    ({
      parameters,
      batch,
      last,
    }: {
      readonly parameters: TensorRecord;
      readonly batch: Pick<Tokens, "inputIds" | "positionIds">;
      readonly last: Tensor;
    }) => ({
      scores: scalarScores(config, parameters, hiddenStates(config, parameters, batch), last),
    }),
  );
  const evaluate = async (parameters: Parameters, episodes: readonly Episode[]) => {
    const scores: number[] = [];
    for (const chunk of chunksOf(episodes, rowsPerForward)) {
      const batch = collateEpisodes(chunk, padTokenId);
      const { inputIds, positionIds } = toTensors(batch);
      // From lengths, never from comparing ids with the padding id.
      const last = Int32Array.from(batch.lengths, (length, row) => row * batch.length + length - 1);
      const result = await run({
        parameters,
        batch: { inputIds, positionIds },
        last: int32(last, [chunk.length]),
      });
      for (const score of (await result.scores.read()).data) scores.push(score + (config.rewardBias ?? 0));
      result.scores.dispose();
    }
    return scores;
  };
  return Object.assign(evaluate, { dispose: () => run.dispose() });
}
