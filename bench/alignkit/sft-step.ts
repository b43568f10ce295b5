/** A full step of supervised fine-tuning, with the calls of the `sft` stage: forward, backward, clip at 1, AdamW. */
import {
  accumulatedGradients,
  compileFunction,
  createOptimizer,
  div,
  float32,
  int32,
  mul,
  neg,
  sum,
  type Tensor,
  type TensorRecord,
} from "@alignkit/core";
import { collate } from "@alignkit/data";
import { hiddenStates, tokenLogProbs } from "@alignkit/models";
import type { MakeItem } from "./item.js";
import { loadModel, tokenIds } from "./models.js";

/** As `torch.optim.AdamW` is by default; it decays all parameters. */
const learningRate = 1e-4;
const settings = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  decays: () => true,
  epsilonForm: "pytorch",
  maxGradNorm: 1,
} as const;

/** Every position but the last of each row predicts its next token. */
export const makeSftStep: MakeItem = async (
  backend,
  { model: name, batch: rows, length = 128, directory },
) => {
  const model = await loadModel(name, directory);
  const { config } = model;
  const examples = tokenIds(config.vocabularySize, rows, length).map((ids) => ({
    inputIds: ids,
    labels: ids,
  }));
  const optimizer = await createOptimizer(backend, settings, model.parameters);
  const lossAndGradients = compileFunction(
    backend,
    ({
      parameters,
      batch,
      labelTokens,
    }: {
      readonly parameters: TensorRecord;
      readonly batch: {
        readonly inputIds: Tensor;
        readonly positionIds: Tensor;
        readonly rows: Tensor;
        readonly targets: Tensor;
        readonly weights: Tensor;
      };
      readonly labelTokens: Tensor;
    }) => {
      const hidden = hiddenStates(config, parameters, batch);
      const { logProbs } = tokenLogProbs(config, parameters, hidden, batch.rows, batch.targets);
      const loss = div(neg(sum(mul(logProbs, batch.weights))), labelTokens);
      return { loss, gradients: accumulatedGradients(loss, parameters) };
    },
  );

  return {
    async run() {
      const batch = collate(examples, { padTokenId: 0, targetBuckets: 32 });
      const targets = batch.targetRows.length;
      const { loss, gradients } = await lossAndGradients({
        parameters: optimizer.parameters,
        batch: {
          inputIds: int32(batch.inputIds, [rows, length]),
          positionIds: int32(batch.positionIds, [rows, length]),
          rows: int32(batch.targetRows, [targets]),
          targets: int32(batch.targetIds, [targets]),
          weights: float32(batch.targetWeights, [targets]),
        },
        labelTokens: float32([batch.labelTokens], []),
      });
      const value = (await loss.read()).data[0] as number;
      loss.dispose();
      const gradNorm = await optimizer.apply(gradients, learningRate);
      return { tokens: rows * length, loss: value, grad_norm: gradNorm };
    },
    async dispose() {
      await lossAndGradients.dispose();
      await optimizer.dispose();
    },
  };
};
