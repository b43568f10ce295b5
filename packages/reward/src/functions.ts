/** The compiled functions of the loop. */
import {
  accumulatedGradients,
  type Backend,
  compileFunction,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import { branchMask, hiddenStates, type ModelConfig, scalarScores, trainedOf } from "@alignkit/models";
import { rankingLoss } from "./losses.js";

/** B rows of T tokens; see `ResponseRows`. */
interface RowTensors {
  /** int32 `[B, T]` */
  readonly inputIds: Tensor;
  /** int32 `[B, T]` */
  readonly positionIds: Tensor;
  /** int32 `[B, T]`; without them a row is one response. */
  readonly branchIds?: Tensor;
}

/** M pairs of responses. */
interface PairTensors {
  /** int32 `[M]` */
  readonly preferred: Tensor;
  /** int32 `[M]` */
  readonly rejected: Tensor;
  /** `[M]` */
  readonly weights: Tensor;
  /** `[M]` */
  readonly margins: Tensor;
}

interface ScoreInputs {
  readonly parameters: TensorRecord;
  readonly rows: RowTensors;
  /** int32 `[N]`: `b * T + t` of each response's last token */
  readonly lastTokens: Tensor;
}

interface GradientInputs extends ScoreInputs {
  readonly pairs: PairTensors;
  /** Gradients of earlier micro-batches. */
  readonly previous?: TensorRecord;
}

/** Scores of responses, without a bias; and loss, scores and gradients, added to those of earlier micro-batches. */
export function compileRewardFunctions(
  backend: Backend,
  config: ModelConfig,
  { centerCoefficient }: { readonly centerCoefficient: number },
) {
  const scoresOf = ({ parameters, rows: { branchIds, ...tokens }, lastTokens }: ScoreInputs): Tensor => {
    const { slidingWindow } = config.attention;
    const hidden = hiddenStates(config, parameters, {
      ...tokens,
      ...(branchIds && { mask: branchMask(branchIds, tokens.positionIds, slidingWindow) }),
      rows: lastTokens,
    });
    return scalarScores(config, parameters, hidden);
  };
  // One graph for batches of any size, where the backend can.
  const dynamic = { rows: ["B", "T"], lastTokens: ["N"] };
  return {
    scores: compileFunction(backend, (inputs: ScoreInputs) => ({ scores: scoresOf(inputs) }), { dynamic }),
    lossAndGradients: compileFunction(
      backend,
      (inputs: GradientInputs) => {
        const scores = scoresOf(inputs);
        const loss = rankingLoss({ scores, ...inputs.pairs, centerCoefficient });
        const gradients = accumulatedGradients(
          loss,
          trainedOf(config, "scalar", inputs.parameters),
          inputs.previous,
        );
        return { loss, scores, gradients };
      },
      { donate: ["previous"], dynamic: { ...dynamic, pairs: ["M"] } },
    ),
  };
}

export type RewardFunctions = ReturnType<typeof compileRewardFunctions>;

export async function disposeFunctions(functions: RewardFunctions): Promise<void> {
  for (const compiled of Object.values(functions)) await compiled.dispose();
}
