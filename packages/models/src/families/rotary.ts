import { z } from "zod";
import type { RotaryPositions, RotaryScaling } from "../config.js";

const scalingFields = {
  linear: { factor: z.number().min(1) },
  dynamic: { factor: z.number().min(1) },
  llama3: {
    factor: z.number().min(1),
    low_freq_factor: z.number().positive(),
    high_freq_factor: z.number().positive(),
    original_max_position_embeddings: z.int().positive().nullish(),
  },
};

const spelling = {
  rope_type: z.string().nullish(),
  /** As rope_type was called at first. */
  type: z.string().nullish(),
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
};

/** How positions are scaled, with theta and the turning share beside it where transformers 5 wrote the file. */
const parametersSchema = z.looseObject(spelling).transform((given, context) => {
  const { rope_type, type, rope_theta: theta, partial_rotary_factor: share, ...own } = given;
  const kind = rope_type ?? type ?? "default";
  const result = { theta: theta ?? null, share: share ?? null };
  if (kind === "default") {
    const unknown = Object.keys(own);
    if (unknown.length > 0) {
      context.addIssue({ code: "custom", message: `fields ${unknown.join(", ")} are not supported` });
    }
    return { ...result, scaling: null };
  }
  if (!Object.hasOwn(scalingFields, kind)) {
    const known = ["default", ...Object.keys(scalingFields)].join(", ");
    context.addIssue({
      code: "custom",
      message: `rotary scaling ${JSON.stringify(kind)} is not supported; supported are ${known}`,
    });
    return z.NEVER;
  }
  const parsed = z.object(scalingFields[kind as keyof typeof scalingFields]).safeParse(own);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      context.addIssue({ code: "custom", path: issue.path, message: issue.message });
    }
    return z.NEVER;
  }
  return { ...result, scaling: { kind, ...parsed.data } as StoredScaling };
});

type StoredScaling = {
  readonly [Kind in keyof typeof scalingFields]: { readonly kind: Kind } & z.output<
    z.ZodObject<(typeof scalingFields)[Kind]>
  >;
}[keyof typeof scalingFields];

/** Rotary positions in both spellings: `rope_theta` and `rope_scaling` (transformers 4), `rope_parameters` (5). */
export const rotaryFields = {
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  rope_scaling: parametersSchema.nullish(),
  rope_parameters: parametersSchema.nullish(),
};

type RotaryFields = z.output<z.ZodObject<typeof rotaryFields>>;

/** As transformers 5 resolves them: `rope_scaling` before `rope_parameters`, what stands inside before what stands beside. */
export function readRotary(
  fields: RotaryFields,
  headDimension: number,
  maxPositions: number,
): RotaryPositions {
  const parameters = fields.rope_scaling ?? fields.rope_parameters;
  const share = parameters?.share ?? fields.partial_rotary_factor ?? 1;
  return {
    kind: "rotary",
    theta: parameters?.theta ?? fields.rope_theta ?? 10_000,
    dimensions: Math.trunc(headDimension * share),
    scaling: scalingOf(parameters?.scaling ?? null, maxPositions),
  };
}

function scalingOf(stored: StoredScaling | null, maxPositions: number): RotaryScaling | null {
  if (stored === null) return null;
  if (stored.kind !== "llama3") {
    return stored.kind === "linear" ? stored : { ...stored, originalLength: maxPositions };
  }
  return {
    kind: "llama3",
    factor: stored.factor,
    lowFrequencyFactor: stored.low_freq_factor,
    highFrequencyFactor: stored.high_freq_factor,
    originalLength: stored.original_max_position_embeddings ?? maxPositions,
  };
}

/** Both spellings, so that any version of transformers reads the same model. */
export function writeRotary({ theta, dimensions, scaling }: RotaryPositions, headDimension: number) {
  const partial = dimensions === headDimension ? {} : { partial_rotary_factor: dimensions / headDimension };
  const scaled = scaling === null ? {} : writeScaling(scaling);
  return {
    ...partial,
    rope_theta: theta,
    ...(scaling === null ? {} : { rope_scaling: { ...scaled, rope_type: scaling.kind } }),
    rope_parameters: { ...partial, ...scaled, rope_theta: theta, rope_type: scaling?.kind ?? "default" },
  };
}

function writeScaling(scaling: RotaryScaling) {
  return scaling.kind === "llama3"
    ? {
        factor: scaling.factor,
        high_freq_factor: scaling.highFrequencyFactor,
        low_freq_factor: scaling.lowFrequencyFactor,
        original_max_position_embeddings: scaling.originalLength,
      }
    : { factor: scaling.factor };
}
