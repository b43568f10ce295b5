/** The compiled functions of the loop. */
import { add, type Backend, compileFunction, gradients, type Tensor } from "@alignkit/core";
import { hiddenStates, type ModelConfig, tokenLogProbs } from "@alignkit/models";
import { causalMaskOf } from "./causal-mask.js";
import { completionLoss } from "./losses.js";

type Parameters = Readonly<Record<string, Tensor>>;

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
  readonly parameters: Parameters;
  /** int32 `[B, T]` */
  readonly tokens: { readonly inputIds: Tensor; readonly positionIds: Tensor };
  /** int32 `[T]`: 0, 1, 2 .. */
  readonly columns: Tensor;
  readonly targets: TargetTensors;
  /** What the sum over tokens is divided by, `[]`. */
  readonly labelTokens: Tensor;
}

/** Loss of one micro-batch, alone and with gradients; and the sum of two sets of gradients. */
export function compileSftFunctions(backend: Backend, config: ModelConfig) {
  const lossOf = ({ parameters, tokens, columns, targets, labelTokens }: LossInputs): Tensor => {
    const mask = causalMaskOf(columns, config.attention.slidingWindow);
    const hidden = hiddenStates(config, parameters, { ...tokens, mask });
    const { logProbs } = tokenLogProbs(config, parameters, hidden, targets.rows, targets.ids);
    return completionLoss({ tokenLogProbs: logProbs, mask: targets.mask, labelTokens });
  };
  // One graph for batches of any size, where the backend can.
  const dynamic = { tokens: ["B", "T"], columns: ["T"], targets: ["M"] };
  return {
    loss: compileFunction(backend, (inputs: LossInputs) => ({ loss: lossOf(inputs) }), { dynamic }),
    lossAndGradients: compileFunction(
      backend,
      (inputs: LossInputs) => {
        const loss = lossOf(inputs);
        const names = Object.keys(inputs.parameters);
        const found = gradients(loss, Object.values(inputs.parameters));
        return {
          loss,
          gradients: Object.fromEntries(
            names.map((name, index) => [name, found[index] as Tensor]),
          ) as Parameters,
        };
      },
      { dynamic },
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

export type SftFunctions = ReturnType<typeof compileSftFunctions>;

export async function disposeFunctions(functions: SftFunctions): Promise<void> {
  for (const compiled of Object.values(functions)) await compiled.dispose();
}
