/** The compiled functions of an update. Each gradient function adds to the gradients of earlier micro-batches. */
import {
  abs,
  accumulatedGradients,
  add,
  type Backend,
  compileFunction,
  exp,
  max,
  mul,
  sub,
  sumSquares,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import { hiddenStates, type ModelConfig, scalarScores, tokenLogProbs, trainedOf } from "@alignkit/models";
import { freeAxes, type TargetTensors, type TokenTensors } from "./batch-tensors.js";
import { meanOverTokens, policyLoss, pretrainingLoss, valueLoss } from "./losses.js";

export const ptxReductions = ["token_mean", "sequence_mean", "sum"] as const;
export type PtxReduction = (typeof ptxReductions)[number];

/** What is compiled into the functions of an update. */
export interface UpdateSettings {
  readonly policyConfig: ModelConfig;
  readonly valueConfig: ModelConfig;
  /** Stands at padding, where nothing looks. */
  readonly padTokenId: number;
  readonly temperature: number;
  readonly clipRange: number;
  readonly clipRangeValue: number | undefined;
  readonly entropyCoefficient: number;
  /** gamma of eq. 2. */
  readonly ptxCoefficient: number;
  /** `token_mean` divides the pretraining loss by its tokens, `sequence_mean` by its texts, `sum` by nothing. */
  readonly ptxReduction: PtxReduction;
  /** Rows of one forward pass; a minibatch is split into as many as it takes. */
  readonly rowsPerForward: number;
}

interface GradientInputs {
  readonly parameters: TensorRecord;
  readonly tokens: TokenTensors;
  readonly targets: TargetTensors;
  /** What the sum over tokens is divided by, `[]`: of the whole minibatch. */
  readonly divisor: Tensor;
  /** Gradients so far. */
  readonly previous?: TensorRecord;
}

interface PolicyInputs extends GradientInputs {
  /** bool `[M, V]`: the tokens that could be drawn; all by default. */
  readonly allowed?: Tensor;
  /** `[M]` each, from the time of the rollout. */
  readonly old: { readonly logProbs: Tensor; readonly advantages: Tensor };
}

interface ValueInputs extends GradientInputs {
  /** `[M]` each, a step after the last token included, from the time of the rollout. */
  readonly old: { readonly values: Tensor; readonly returns: Tensor };
}

export function compileUpdateFunctions(backend: Backend, settings: UpdateSettings) {
  const {
    policyConfig,
    valueConfig,
    clipRange,
    clipRangeValue,
    entropyCoefficient,
    ptxCoefficient,
    temperature,
  } = settings;
  const { tokens: tokenAxes, targets: targetAxes, old, allowed } = freeAxes;
  const withoutOld = { tokens: tokenAxes, targets: targetAxes };
  return {
    policy: compileFunction(
      backend,
      ({
        parameters,
        tokens,
        targets,
        divisor,
        previous,
        allowed,
        old: { logProbs: oldLogProbs, advantages },
      }: PolicyInputs) => {
        const hidden = hiddenStates(policyConfig, parameters, { ...tokens, rows: targets.rows });
        const { logProbs, entropy } = tokenLogProbs(
          policyConfig,
          parameters,
          hidden,
          targets.ids,
          temperature,
          allowed,
        );
        const terms = policyLoss({
          logProbs,
          oldLogProbs,
          advantages,
          mask: targets.weights,
          clipRange,
          tokens: divisor,
        });
        const meanEntropy = meanOverTokens(entropy, targets.weights, divisor);
        const total =
          entropyCoefficient === 0 ? terms.loss : sub(terms.loss, mul(meanEntropy, entropyCoefficient));
        const difference = mul(abs(sub(exp(logProbs), exp(oldLogProbs))), targets.weights);
        return {
          metrics: {
            ...terms,
            entropy: meanEntropy,
            total,
            probsDifference: meanOverTokens(difference, targets.weights, divisor),
          },
          maxima: { probsDifferenceMax: max(difference) },
          gradients: accumulatedGradients(
            total,
            trainedOf(policyConfig, "language_model", parameters),
            previous,
          ),
        };
      },
      { donate: ["previous"], dynamic: { ...withoutOld, old, allowed } },
    ),
    pretraining: compileFunction(
      backend,
      ({ parameters, tokens, targets, divisor, previous }: GradientInputs) => {
        const hidden = hiddenStates(policyConfig, parameters, { ...tokens, rows: targets.rows });
        const { logProbs } = tokenLogProbs(policyConfig, parameters, hidden, targets.ids);
        const loss = pretrainingLoss(logProbs, targets.weights, divisor);
        return {
          metrics: { loss },
          gradients: accumulatedGradients(
            mul(loss, ptxCoefficient),
            trainedOf(policyConfig, "language_model", parameters),
            previous,
          ),
        };
      },
      { donate: ["previous"], dynamic: withoutOld },
    ),
    value: compileFunction(
      backend,
      ({
        parameters,
        tokens,
        targets,
        divisor,
        previous,
        old: { values: oldValues, returns },
      }: ValueInputs) => {
        const hidden = hiddenStates(valueConfig, parameters, { ...tokens, rows: targets.rows });
        const values = scalarScores(valueConfig, parameters, hidden);
        const terms = valueLoss({
          values,
          oldValues,
          returns,
          mask: targets.weights,
          clipRange: clipRangeValue,
          tokens: divisor,
        });
        return {
          metrics: terms,
          gradients: accumulatedGradients(terms.loss, trainedOf(valueConfig, "scalar", parameters), previous),
        };
      },
      { donate: ["previous"], dynamic: { ...withoutOld, old } },
    ),
    squaredNorms: compileFunction(backend, ({ gradients }: { readonly gradients: TensorRecord }) =>
      Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, sumSquares(gradient)])),
    ),
    sum: compileFunction(
      backend,
      ({ first, second }: { readonly first: TensorRecord; readonly second: TensorRecord }) =>
        Object.fromEntries(
          Object.keys(first).map((name) => [name, add(first[name] as Tensor, second[name] as Tensor)]),
        ),
      { donate: ["first", "second"] },
    ),
  };
}

export type UpdateFunctions = ReturnType<typeof compileUpdateFunctions>;
