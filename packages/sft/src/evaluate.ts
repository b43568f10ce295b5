import { type DeviceTensor, float32 } from "@alignkit/core";
import { longestFirst, type RecordList, recordsAt } from "@alignkit/data";
import { batchTensors, type Example, type PadSettings, toBatches } from "./batches.js";
import type { SftFunctions } from "./functions.js";
import type { EvaluationMetric } from "./selection.js";
import type { ValidationReward } from "./validation-reward.js";

/** What an evaluation can measure with what it is given; nothing without held-out examples and a reward. */
export async function measure({
  validationReward,
  ...held
}: Parameters<typeof evaluationLoss>[0] & {
  readonly validationReward: Pick<ValidationReward, "score"> | undefined;
}): Promise<Partial<Record<EvaluationMetric, number>>> {
  return {
    ...(held.examples.length === 0 ? {} : { eval_loss: await evaluationLoss(held) }),
    ...(validationReward === undefined ? {} : { eval_reward: await validationReward.score(held.parameters) }),
  };
}

/**
 * Mean negative log-likelihood over all labelled tokens of `examples`, in nats.
 * @param examples - at least one
 */
async function evaluationLoss({
  functions,
  parameters,
  examples,
  padding,
}: {
  readonly functions: Pick<SftFunctions, "loss">;
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  readonly examples: RecordList<Example>;
  readonly padding: PadSettings;
}): Promise<number> {
  // Rows of like length together: little padding, few graphs.
  const order = longestFirst(examples, ({ inputIds }) => inputIds.length);
  let total = 0;
  let tokens = 0;
  for (let start = 0; start < order.length; start += padding.rows) {
    const taken = recordsAt(examples, order.slice(start, start + padding.rows));
    for (const batch of toBatches(taken, padding)) {
      // Divided by 1: sums, so that every token counts alike.
      const { loss } = await functions.loss({
        parameters,
        ...batchTensors(batch),
        labelTokens: float32([1], []),
      });
      total += (await loss.read()).data[0] as number;
      tokens += batch.labelTokens;
      loss.dispose();
    }
  }
  return total / tokens;
}
