/** The compiled functions of the loop. */
import {
  accumulatedGradients,
  type Backend,
  compileFunction,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import {
  attentionBlockOf,
  documentMask,
  hiddenStates,
  type ModelConfig,
  type ResidualMasks,
  tokenLogProbs,
  trainedOf,
} from "@alignkit/models";
import { completionLoss } from "./losses.js";

/** M tokens that are predicted. */
interface TargetTensors {
  /** int32 `[M]`: `b * T + t`, where the token after position t is predicted */
  readonly rows: Tensor;
  /** int32 `[M]`: that next token */
  readonly ids: Tensor;
  /** `[M]`: 1, and 0 at padding */
  readonly mask: Tensor;
}

interface LossInputs {
  readonly parameters: TensorRecord;
  /** int32 `[B, T]` each; with documents, a token sees only its own. */
  readonly tokens: {
    readonly inputIds: Tensor;
    readonly positionIds: Tensor;
    readonly documentIds?: Tensor;
    /** Which real token stands at each place; with `places`. */
    readonly spread?: Tensor;
  };
  /** int32 `[N]`: `b * T + t` of the real tokens, the only ones that are computed where given. */
  readonly places?: Tensor;
  readonly targets: TargetTensors;
  /** What the sum over tokens is divided by, `[]`. */
  readonly labelTokens: Tensor;
}

interface GradientInputs extends LossInputs {
  /** With residual dropout. */
  readonly residualMasks?: ResidualMasks<Tensor>;
  /** Gradients of earlier micro-batches. */
  readonly previous?: TensorRecord;
}

/**
 * Loss of one micro-batch; and the same with gradients, added to those of earlier micro-batches: for rows of any length,
 * and for rows as long as they may be, which have a graph of their own; see `attentionBlockOf`.
 */
export function compileSftFunctions(backend: Backend, config: ModelConfig) {
  const lossOf = (
    { parameters, tokens, places, targets, labelTokens, residualMasks }: GradientInputs,
    attentionBlock?: number,
  ): Tensor => {
    const { documentIds, spread, ...sequence } = tokens;
    const mask =
      documentIds === undefined ? undefined : documentMask(documentIds, config.attention.slidingWindow);
    const hidden = hiddenStates(config, parameters, {
      ...sequence,
      attentionBlock,
      rows: targets.rows,
      real: places && spread && { places, spread },
      ...(mask === undefined ? {} : { mask }),
      ...(residualMasks === undefined ? {} : { residualMasks }),
    });
    const { logProbs } = tokenLogProbs(config, parameters, hidden, targets.ids);
    return completionLoss({ tokenLogProbs: logProbs, mask: targets.mask, labelTokens });
  };
  // One graph for batches of any size, where the backend can.
  const dynamicOf = (length: "T" | null) => ({
    tokens: ["B", length],
    places: ["N"],
    targets: ["M"],
    residualMasks: ["B", length, null],
  });
  const withGradients = (length: "T" | null) =>
    compileFunction(
      backend,
      (inputs: GradientInputs) => {
        const longest = inputs.tokens.inputIds.shape[1] as number;
        const loss = lossOf(inputs, length === null ? attentionBlockOf(longest, longest) : undefined);
        return {
          loss,
          gradients: accumulatedGradients(
            loss,
            trainedOf(config, "language_model", inputs.parameters),
            inputs.previous,
          ),
        };
      },
      { donate: ["previous"], dynamic: dynamicOf(length) },
    );
  return {
    loss: compileFunction(backend, (inputs: LossInputs) => ({ loss: lossOf(inputs) }), {
      dynamic: dynamicOf("T"),
    }),
    lossAndGradients: withGradients("T"),
    lossAndGradientsOfLongest: withGradients(null),
  };
}

export type SftFunctions = ReturnType<typeof compileSftFunctions>;

export async function disposeFunctions(functions: SftFunctions): Promise<void> {
  for (const compiled of Object.values(functions)) await compiled.dispose();
}
