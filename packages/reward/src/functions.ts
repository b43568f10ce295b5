/** The compiled functions of the loop. */
import { add, type Backend, compileFunction, gradients, type Tensor } from "@alignkit/core";
import { hiddenStates, type ModelConfig, scalarScores } from "@alignkit/models";
import { causalMaskOf } from "./causal-mask.js";
import { rankingLoss } from "./losses.js";

type Parameters = Readonly<Record<string, Tensor>>;

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
  readonly parameters: Parameters;
  readonly rows: RowTensors;
  /** int32 `[T]`: 0, 1, 2 .. */
  readonly columns: Tensor;
}

/** Scores of rows, without a bias; loss of a micro-batch with scores and gradients; the sum of two sets of gradients. */
export function compileRewardFunctions(
  backend: Backend,
  config: ModelConfig,
  { centerCoefficient }: { readonly centerCoefficient: number },
) {
  const scoresOf = ({ parameters, rows, columns }: ScoreInputs): Tensor => {
    const mask = causalMaskOf(columns, config.attention.slidingWindow);
    return scalarScores(
      config,
      parameters,
      hiddenStates(config, parameters, { ...rows, mask }),
      rows.lastTokens,
    );
  };
  // One graph for batches of any size, where the backend can.
  const dynamic = { rows: ["N", "T"], columns: ["T"] };
  return {
    scores: compileFunction(backend, (inputs: ScoreInputs) => ({ scores: scoresOf(inputs) }), {
      dynamic,
    }),
    lossAndGradients: compileFunction(
      backend,
      (inputs: ScoreInputs & { readonly pairs: PairTensors }) => {
        const scores = scoresOf(inputs);
        const loss = rankingLoss({ scores, ...inputs.pairs, centerCoefficient });
        const names = Object.keys(inputs.parameters);
        const found = gradients(loss, Object.values(inputs.parameters));
        return {
          loss,
          scores,
          gradients: Object.fromEntries(
            names.map((name, index) => [name, found[index] as Tensor]),
          ) as Parameters,
        };
      },
      { dynamic: { ...dynamic, pairs: ["M"] } },
    ),
    addGradients: compileFunction(
      backend,
      ({ total, gradients: more }: { readonly total: Parameters; readonly gradients: Parameters }) =>
        Object.fromEntries(
          Object.entries(total).map(([name, sum]) => [name, add(sum, more[name] as Tensor)]),
        ) as Parameters,
      { donate: ["total", "gradients"] },
    ),
  };
}

export type RewardFunctions = ReturnType<typeof compileRewardFunctions>;

export async function disposeFunctions(functions: RewardFunctions): Promise<void> {
  for (const compiled of Object.values(functions)) await compiled.dispose();
}
