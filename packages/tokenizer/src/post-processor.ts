/** What stands around a text, or two texts, once they are tokens. */

type Json = Readonly<Record<string, unknown>>;

/** A text (0 the first, 1 the second), or tokens that are put in. */
export type TemplatePart =
  | { readonly sequence: 0 | 1; readonly typeId: number }
  | { readonly ids: readonly number[]; readonly typeId: number };

export interface PostProcessor {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
  /** White space at the ends of a token does not belong to its offsets. */
  readonly trimsOffsets: boolean;
  /** The pre-tokenizer put a space in front, which trimming leaves alone. */
  readonly hasPrefixSpace: boolean;
}

const first = { sequence: 0, typeId: 0 } as const;
const second = { sequence: 1, typeId: 1 } as const;
const none: PostProcessor = {
  single: [first],
  pair: [first, second],
  trimsOffsets: false,
  hasPrefixSpace: false,
};

const postProcessors: Readonly<Record<string, (json: Json) => PostProcessor>> = {
  Sequence: ({ processors }) =>
    (processors as readonly Json[]).map(createPostProcessor).reduce((before, after) => ({
      ...(after.single.length > 1 ? after : before),
      trimsOffsets: before.trimsOffsets || after.trimsOffsets,
      hasPrefixSpace: before.hasPrefixSpace || after.hasPrefixSpace,
    })),
  TemplateProcessing: ({ single, pair, special_tokens: tokens }) => {
    const parts = (entries: unknown) =>
      (entries as readonly Json[]).map((entry) => templatePart(entry, tokens as Json));
    return { ...none, single: parts(single), pair: parts(pair) };
  },
  BertProcessing: ({ sep, cls }) => {
    const [start, end] = [tokenPart(cls), tokenPart(sep)];
    return {
      ...none,
      single: [start, first, end],
      pair: [start, first, end, second, { ...end, typeId: 1 }],
    };
  },
  RobertaProcessing: ({ sep, cls, trim_offsets: trims = true, add_prefix_space: prefixes = true }) => {
    const [start, end] = [tokenPart(cls), tokenPart(sep)];
    return {
      single: [start, first, end],
      pair: [start, first, end, end, { ...second, typeId: 0 }, end],
      trimsOffsets: trims === true,
      hasPrefixSpace: prefixes === true,
    };
  },
  ByteLevel: ({ trim_offsets: trims = true, add_prefix_space: prefixes = true }) => ({
    ...none,
    trimsOffsets: trims === true,
    hasPrefixSpace: prefixes === true,
  }),
};

/** @throws {Error} when the post-processor is not known or names a token without an id */
export function createPostProcessor(json: Json | null | undefined): PostProcessor {
  if (json === null || json === undefined) return none;
  const create = postProcessors[json.type as string];
  if (create === undefined) {
    throw new Error(
      `unknown post-processor ${String(json.type)}; known are ${Object.keys(postProcessors).join(", ")}`,
    );
  }
  return create(json);
}

/** `{SpecialToken: {id, type_id}}` or `{Sequence: {id: "A" | "B", type_id}}` */
function templatePart(entry: Json, tokens: Json): TemplatePart {
  const { SpecialToken: token, Sequence: sequence } = entry as Readonly<
    Record<string, { readonly id: string; readonly type_id: number } | undefined>
  >;
  if (sequence !== undefined) return { sequence: sequence.id === "A" ? 0 : 1, typeId: sequence.type_id };
  const ids = (tokens[token?.id ?? ""] as { readonly ids?: readonly number[] } | undefined)?.ids;
  if (token === undefined || ids === undefined)
    throw new Error(`the template adds ${JSON.stringify(token?.id)}, which has no ids in special_tokens`);
  return { ids, typeId: token.type_id };
}

/** `["[CLS]", 101]` */
function tokenPart(entry: unknown) {
  return { ids: [(entry as readonly [string, number])[1]], typeId: 0 } as const;
}
