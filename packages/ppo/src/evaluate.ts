import {
  type Backend,
  compileFunction,
  type DeviceTensor,
  int32,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import { hiddenStates, type ModelConfig, scalarScores, tokenLogProbs } from "@alignkit/models";
import {
  chunksOf,
  collateEpisodes,
  freeAxes,
  splitTokens,
  type TargetTensors,
  type TokenTensors,
  targetTensors,
  tokenTensors,
} from "./batch-tensors.js";
import type { Episode } from "./episode.js";

type Parameters = Readonly<Record<string, DeviceTensor>>;

export interface EvaluateOptions {
  readonly padTokenId: number;
  readonly rowsPerForward: number;
}

/** A number per response token of each episode. */
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
  return createTokenEvaluator(
    backend,
    options,
    (parameters, tokens, { rows, ids }) =>
      tokenLogProbs(config, parameters, hiddenStates(config, parameters, tokens), rows, ids, temperature)
        .logProbs,
  );
}

/** Values of the states before each response token. */
export function createValueEvaluator(
  backend: Backend,
  config: ModelConfig,
  options: EvaluateOptions,
): TokenEvaluator {
  return createTokenEvaluator(backend, options, (parameters, tokens, { rows }) =>
    scalarScores(config, parameters, hiddenStates(config, parameters, tokens), rows),
  );
}

function createTokenEvaluator(
  backend: Backend,
  { padTokenId, rowsPerForward }: EvaluateOptions,
  body: (parameters: TensorRecord, tokens: TokenTensors, targets: TargetTensors) => Tensor,
): TokenEvaluator {
  const { tokens, targets } = freeAxes;
  const run = compileFunction(
    backend,
    (inputs: {
      readonly parameters: TensorRecord;
      readonly tokens: TokenTensors;
      readonly targets: TargetTensors;
    }) => ({ result: body(inputs.parameters, inputs.tokens, inputs.targets) }),
    { dynamic: { tokens, targets } },
  );
  const evaluate = async (parameters: Parameters, episodes: readonly Episode[]) => {
    const rows: Float64Array[] = [];
    for (const chunk of chunksOf(episodes, rowsPerForward)) {
      const batch = collateEpisodes(chunk, { padTokenId, fewSizes: !backend.dynamicShapes });
      const { result } = await run({
        parameters,
        tokens: tokenTensors(batch),
        targets: targetTensors(batch),
      });
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
      tokens,
      last,
    }: {
      readonly parameters: TensorRecord;
      readonly tokens: TokenTensors;
      readonly last: Tensor;
    }) => ({
      scores: scalarScores(config, parameters, hiddenStates(config, parameters, tokens), last),
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
