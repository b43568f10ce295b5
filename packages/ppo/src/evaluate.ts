import {
  type Backend,
  compileFunction,
  type DeviceTensor,
  type HostTensor,
  int32,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import type { Batch } from "@alignkit/data";
import { hiddenStates, type ModelConfig, scalarScores, tokenLogProbs } from "@alignkit/models";
import {
  allowedTensor,
  chunksOf,
  collateEpisodes,
  collateSteps,
  freeAxes,
  splitTokens,
  type TargetTensors,
  type TokenTensors,
  targetTensors,
  tokenTensors,
} from "./batch-tensors.js";
import { type Episode, stepsOf } from "./episode.js";

type Parameters = Readonly<Record<string, DeviceTensor>>;

/** How episodes are run together. */
export interface EvaluateOptions {
  readonly padTokenId: number;
  readonly rowsPerForward: number;
}

/** A number per response token, or step, of each episode. */
export interface TokenEvaluator {
  (parameters: Parameters, episodes: readonly Episode[]): Promise<readonly Float64Array[]>;
  dispose(): Promise<void>;
}

/** Log-probabilities of the response tokens among those that could be drawn, nats. @param temperature - divides the logits */
export function createLogProbEvaluator(
  backend: Backend,
  config: ModelConfig,
  temperature: number,
  options: EvaluateOptions,
): TokenEvaluator {
  return createTokenEvaluator(
    backend,
    options,
    {
      collate: collateEpisodes,
      lengthOf: ({ responseIds }) => responseIds.length,
      extras: (episodes, batch) => allowedTensor(episodes, batch, config.vocabularySize),
    },
    ({ parameters, tokens, targets: { rows, ids }, allowed }) => {
      const hidden = hiddenStates(config, parameters, { ...tokens, rows });
      return tokenLogProbs(config, parameters, hidden, ids, temperature, allowed).logProbs;
    },
  );
}

/** Values of the states before each step. */
export function createValueEvaluator(
  backend: Backend,
  config: ModelConfig,
  options: EvaluateOptions,
): TokenEvaluator {
  return createTokenEvaluator(
    backend,
    options,
    { collate: collateSteps, lengthOf: stepsOf, extras: () => ({}) },
    ({ parameters, tokens, targets: { rows } }) =>
      scalarScores(config, parameters, hiddenStates(config, parameters, { ...tokens, rows })),
  );
}

interface TokenInputs {
  readonly parameters: TensorRecord;
  readonly tokens: TokenTensors;
  readonly targets: TargetTensors;
  readonly allowed?: Tensor;
}

function createTokenEvaluator(
  backend: Backend,
  { padTokenId, rowsPerForward }: EvaluateOptions,
  rows: {
    readonly collate: typeof collateEpisodes;
    readonly lengthOf: (episode: Episode) => number;
    readonly extras: (episodes: readonly Episode[], batch: Batch) => { readonly allowed?: HostTensor };
  },
  body: (inputs: TokenInputs) => Tensor,
): TokenEvaluator {
  const { tokens, targets, allowed } = freeAxes;
  const run = compileFunction(backend, (inputs: TokenInputs) => ({ result: body(inputs) }), {
    dynamic: { tokens, targets, allowed },
  });
  const evaluate = async (parameters: Parameters, episodes: readonly Episode[]) => {
    const results: Float64Array[] = [];
    for (const chunk of chunksOf(episodes, rowsPerForward)) {
      const batch = rows.collate(chunk, { padTokenId, fewSizes: !backend.dynamicShapes });
      const { result } = await run({
        parameters,
        tokens: tokenTensors(batch),
        targets: targetTensors(batch),
        ...rows.extras(chunk, batch),
      });
      results.push(...splitTokens((await result.read()).data, chunk.map(rows.lengthOf)));
      result.dispose();
    }
    return results;
  };
  return Object.assign(evaluate, { dispose: () => run.dispose() });
}

/** Score of each episode at its last real token, the reward model's bias included. */
export interface EpisodeScorer {
  (parameters: Parameters, episodes: readonly Episode[]): Promise<readonly number[]>;
  dispose(): Promise<void>;
}

/** Compiles a reward model of `config`; its parameters are given with each call. */
export function createEpisodeScorer(
  backend: Backend,
  config: ModelConfig,
  { padTokenId, rowsPerForward }: EvaluateOptions,
): EpisodeScorer {
  const run = compileFunction(
    backend,
    ({
      parameters,
      tokens,
      last,
    }: {
      readonly parameters: TensorRecord;
      readonly tokens: TokenTensors;
      readonly last: Tensor;
    }) => ({
      scores: scalarScores(config, parameters, hiddenStates(config, parameters, { ...tokens, rows: last })),
    }),
    { dynamic: { tokens: freeAxes.tokens, last: ["B"] } },
  );
  const evaluate = async (parameters: Parameters, episodes: readonly Episode[]) => {
    const scores: number[] = [];
    for (const chunk of chunksOf(episodes, rowsPerForward)) {
      const batch = collateEpisodes(chunk, { padTokenId, fewSizes: !backend.dynamicShapes });
      // From lengths, never from comparing ids with the padding id.
      const last = Int32Array.from(batch.lengths, (length, row) => row * batch.length + length - 1);
      const result = await run({
        parameters,
        tokens: tokenTensors(batch),
        last: int32(last, [chunk.length]),
      });
      for (const score of (await result.scores.read()).data) scores.push(score + config.rewardBias);
      result.scores.dispose();
    }
    return scores;
  };
  return Object.assign(evaluate, { dispose: () => run.dispose() });
}
