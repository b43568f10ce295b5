/** The compiled functions of the loop. */
import {
  accumulatedGradients,
  type Backend,
  compileFunction,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import { hiddenStates, type ModelConfig, scalarScores } from "@alignkit/models";
import { rankingLoss } from "./losses.js";

/** N rows of T tokens, one per response. */
interface RowTensors {
  /** int32 `[N, T]` */
  readonly inputIds: Tensor;
  /** int32 `[N, T]` */
  readonly positionIds: Tensor;
  /** int32 `[N]`: `n * T + t` of each row's last real token */
  readonly lastTokens: Tensor;
}

/** M pairs of rows. */
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
}

interface GradientInputs extends ScoreInputs {
  readonly pairs: PairTensors;
  /** Gradients of earlier micro-batches. */
  readonly previous?: TensorRecord;
}

/** Scores of rows, without a bias; and loss, scores and gradients, added to those of earlier micro-batches. */
export function compileRewardFunctions(
  backend: Backend,
  config: ModelConfig,
  { centerCoefficient }: { readonly centerCoefficient: number },
) {
  const scoresOf = ({ parameters, rows }: ScoreInputs): Tensor =>
    scalarScores(config, parameters, hiddenStates(config, parameters, rows), rows.lastTokens);
  // One graph for batches of any size, where the backend can.
  const dynamic = { rows: ["N", "T"] };
  return {
    scores: compileFunction(backend, (inputs: ScoreInputs) => ({ scores: scoresOf(inputs) }), { dynamic }),
    lossAndGradients: compileFunction(
      backend,
      (inputs: GradientInputs) => {
        const scores = scoresOf(inputs);
        const loss = rankingLoss({ scores, ...inputs.pairs, centerCoefficient });
        const gradients = accumulatedGradients(loss, inputs.parameters, inputs.previous);
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
