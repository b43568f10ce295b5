/** The compiled functions of the loop. */
import { add, type Backend, compileFunction, gradients, type Tensor } from "@alignkit/core";
import { hiddenStates, type ModelConfig, tokenLogProbs } from "@alignkit/models";
import { completionLoss } from "./losses.js";

type Parameters = Readonly<Record<string, Tensor>>;

/** B rows of T tokens, M of them to be predicted. */
interface BatchTensors {
  /** int32 `[B, T]` */
  readonly inputIds: Tensor;
  /** int32 `[B, T]` */
  readonly positionIds: Tensor;
  /** int32 `[M]`: `b * T + t`, where the token after position t is predicted */
  readonly targetRows: Tensor;
  /** int32 `[M]`: that next token */
  readonly targetIds: Tensor;
  /** `[M]`: 1, and 0 at padding */
  readonly targetWeights: Tensor;
}

interface LossInputs {
  readonly parameters: Parameters;
  readonly batch: BatchTensors;
  /** What the sum over tokens is divided by, `[]`. */
  readonly labelTokens: Tensor;
}

/** Loss of one micro-batch, alone and with gradients; and the sum of two sets of gradients. */
export function compileSftFunctions(backend: Backend, config: ModelConfig) {
  const lossOf = ({ parameters, batch, labelTokens }: LossInputs): Tensor => {
    const hidden = hiddenStates(config, parameters, batch);
    const { logProbs } = tokenLogProbs(config, parameters, hidden, batch.targetRows, batch.targetIds);
    return completionLoss({ tokenLogProbs: logProbs, mask: batch.targetWeights, labelTokens });
  };
  return {
    loss: compileFunction(backend, (inputs: LossInputs) => ({ loss: lossOf(inputs) })),
    lossAndGradients: compileFunction(backend, (inputs: LossInputs) => {
      const loss = lossOf(inputs);
      const names = Object.keys(inputs.parameters);
      const found = gradients(loss, Object.values(inputs.parameters));
      return {
        loss,
        gradients: Object.fromEntries(
          names.map((name, index) => [name, found[index] as Tensor]),
        ) as Parameters,
      };
    }),
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

export type SftFunctions = ReturnType<typeof compileSftFunctions>;

export async function disposeFunctions(functions: SftFunctions): Promise<void> {
  for (const compiled of Object.values(functions)) await compiled.dispose();
}
