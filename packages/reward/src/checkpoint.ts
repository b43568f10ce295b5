/** What a killed run needs to go on as if nothing had happened. */
import type { Checkpoint, CheckpointContent, Optimizer, OptimizerSnapshot } from "@alignkit/core";
import { type Cursor, startOfData } from "@alignkit/data";
import { z } from "zod";

/** Beside the optimizer's: the order of the data follows from the run's seed and the cursor. */
export interface TrainingState {
  readonly cursor: Cursor;
  /** Real tokens seen. */
  readonly tokens: number;
}

export const startOfTraining: TrainingState = { cursor: startOfData, tokens: 0 };

const stateSchema = z.strictObject({
  cursor: z.strictObject({ epoch: z.number(), index: z.number() }),
  tokens: z.number(),
});

export async function checkpointContent(
  optimizer: Optimizer,
  state: TrainingState,
): Promise<CheckpointContent> {
  const { parameters, m, v } = await optimizer.snapshot();
  return { tensors: { parameters, "first-moment": m, "second-moment": v }, state };
}

export function readCheckpoint({ step, tensors, state }: Checkpoint): {
  readonly optimizer: OptimizerSnapshot;
  readonly state: TrainingState;
} {
  const group = (name: string) => tensors[name] ?? {};
  return {
    optimizer: {
      parameters: group("parameters"),
      m: group("first-moment"),
      v: group("second-moment"),
      step,
    },
    state: stateSchema.parse(state),
  };
}
