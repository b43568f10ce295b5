import { z } from "zod";
import type { RotaryPositions } from "../config.js";
import { withDefault } from "./fields.js";

const unscaled = z
  .looseObject({
    rope_type: z.string().nullish(),
    type: z.string().nullish(),
    rope_theta: z.number().positive().nullish(),
    partial_rotary_factor: z.number().positive().max(1).nullish(),
  })
  .superRefine((parameters, context) => {
    const kind = parameters.rope_type ?? parameters.type ?? "default";
    if (kind !== "default") {
      context.addIssue({
        code: "custom",
        message: `rotary scaling ${JSON.stringify(kind)} is not supported; only "default" (none) is`,
      });
    }
    const known = ["rope_type", "type", "rope_theta", "partial_rotary_factor"];
    const unknown = Object.keys(parameters).filter((key) => !known.includes(key));
    if (kind === "default" && unknown.length > 0) {
      context.addIssue({ code: "custom", message: `fields ${unknown.join(", ")} are not supported` });
    }
  });

/** Rotary positions in both spellings: `rope_theta` and `rope_scaling` (transformers 4), `rope_parameters` (5). */
export const rotaryFields = {
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  rope_scaling: withDefault(unscaled, {}),
  rope_parameters: withDefault(unscaled, {}),
};

type RotaryFields = z.output<z.ZodObject<typeof rotaryFields>>;

/** The newer spelling wins where both are given. */
export function readRotary(
  fields: RotaryFields,
  headDimension: number,
  defaultTheta: number,
): RotaryPositions {
  const { rope_parameters: parameters } = fields;
  const factor = parameters.partial_rotary_factor ?? fields.partial_rotary_factor ?? 1;
  return {
    kind: "rotary",
    theta: parameters.rope_theta ?? fields.rope_theta ?? defaultTheta,
    dimensions: Math.trunc(headDimension * factor),
  };
}

/** Both spellings, so that any version of transformers reads the same model. */
export function writeRotary(positions: RotaryPositions, headDimension: number) {
  const partial =
    positions.dimensions === headDimension
      ? {}
      : { partial_rotary_factor: positions.dimensions / headDimension };
  return {
    rope_theta: positions.theta,
    rope_parameters: { ...partial, rope_theta: positions.theta, rope_type: "default" },
  };
}
