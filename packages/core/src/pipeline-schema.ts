/** A pipeline as it stands in a file. On a path of its own, so that the core loads no schema library. */
import { z } from "zod";
import type { Pipeline } from "./wiring.js";

/** For those who read a pipeline from a file. */
export const pipelineSchema: z.ZodType<Pipeline> = z.strictObject({
  preset: z.string().optional(),
  stages: z
    .array(
      z.strictObject({
        use: z.string(),
        as: z.string().optional(),
        preset: z.string().optional(),
        config: z.unknown().optional(),
        inputs: z
          .record(
            z.string(),
            z.union(
              [z.string(), z.strictObject({ path: z.string() })],
              'Invalid input: expected "stage.output" or { path: directory }',
            ),
          )
          .optional(),
      }),
    )
    .min(1),
});
