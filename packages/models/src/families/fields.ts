import { z } from "zod";

/** A count of at least 1. */
export const positiveInteger = z.int().positive();

/** A probability of dropping a value. */
export const probability = z.number().min(0).lt(1);

/** A field that may be missing or null, and then is `value`. */
export function withDefault<Output>(schema: z.ZodType<Output>, value: Output) {
  return schema.nullish().transform((given) => given ?? value);
}

/** A field of which only one value is supported; missing or null means that value. */
export function onlySupports(value: boolean | number | string) {
  return z
    .unknown()
    .optional()
    .refine((given) => given === undefined || given === null || given === value, {
      error: `only ${JSON.stringify(value)} is supported`,
    });
}

/** One of the spellings of a value, to the value itself. */
export function spelledAs<const Value extends string>(
  spellings: Readonly<Record<string, Value>>,
  value: Value,
) {
  return z
    .string()
    .refine((given) => Object.hasOwn(spellings, given), {
      error: `not supported; supported are ${Object.keys(spellings).join(", ")}`,
    })
    .nullish()
    .transform(
      (given): Value => (given === undefined || given === null ? value : (spellings[given] as Value)),
    );
}

/** Spellings of the GELUs. */
export const activations = {
  gelu_new: "gelu_new",
  gelu_pytorch_tanh: "gelu_new",
  gelu_fast: "gelu_new",
  gelu: "gelu",
} as const;

/** A single token id; some uploads write -1 for none. `value` is the family's own default when the field is missing. */
function tokenId(value: number | null) {
  return z
    .int()
    .min(-1)
    .nullable()
    .default(value)
    .transform((id) => (id === -1 ? null : id));
}

/** The special tokens of a family; `null` in the file means none, a missing field the default. */
export function specialTokens(defaults: { readonly bos: number | null; readonly eos: number | null }) {
  return {
    bos_token_id: tokenId(defaults.bos),
    eos_token_id: z
      .union([z.array(z.int().nonnegative()), z.int().min(-1)])
      .nullable()
      .default(defaults.eos)
      .transform((id): readonly number[] => (id === null || id === -1 ? [] : Array.isArray(id) ? id : [id])),
    pad_token_id: tokenId(null),
  };
}

/** The special tokens as `config.json` has them: one end token as a number, several as a list. */
export function writeSpecialTokens(config: {
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
}) {
  const [first, ...others] = config.eosTokenIds;
  return {
    bos_token_id: config.bosTokenId,
    eos_token_id: others.length > 0 ? config.eosTokenIds : (first ?? null),
    pad_token_id: config.padTokenId,
  };
}
