import { z } from "zod";
import type { DecoderConfig, Head } from "../config.js";

/** The parsed JSON object of a `config.json`. */
export type FamilyFields = Readonly<Record<string, unknown>>;

/** Module names relative to a layer, as in Hugging Face's parameter names. */
export interface LayerModules {
  readonly attentionNorm: string;
  readonly mlpNorm: string;
  /** With `projection: "separate"`. */
  readonly query?: string;
  readonly key?: string;
  readonly value?: string;
  /** With a fused projection. */
  readonly queryKeyValue?: string;
  readonly attentionOutput: string;
  readonly queryNorm?: string;
  readonly keyNorm?: string;
  /** With a gated MLP. */
  readonly mlpGate?: string;
  readonly mlpUp: string;
  readonly mlpDown: string;
}

/** Module names of a family. */
export interface FamilyModules {
  readonly tokenEmbedding: string;
  readonly positionEmbedding?: string;
  /** Layer i is `<layers>.i`. */
  readonly layers: string;
  readonly layer: LayerModules;
  readonly finalNorm: string;
  readonly languageModelHead: string;
  readonly scalarHead: string;
}

/** What reading a family's fields gives: a config, or what is wrong with them. */
export interface FamilyReading {
  readonly decoder: DecoderConfig | null;
  readonly rewardBias: number;
  readonly problems: readonly string[];
}

/** All that is known of a model family; one declaration per file. */
export interface FamilyDefinition {
  /** Hugging Face's `model_type`. */
  readonly name: string;
  readonly architectures: Readonly<Record<Head, string>>;
  /** The architecture without a head. */
  readonly baseArchitecture: string;
  /** What precedes the decoder's names when it sits under a head; original uploads may lack it. */
  readonly basePrefix: string;
  /** How weight matrices are stored: `[out, in]` (torch's Linear) or `[in, out]` (GPT-2's Conv1D). */
  readonly linearLayout: "out_in" | "in_out";
  readonly modules: FamilyModules;
  /** Buffers in some uploads that are no parameters, matched against names under `basePrefix`. */
  readonly ignoredBuffers: readonly RegExp[];
  /** New projections into the residual stream are scaled by `1/sqrt(2 * layers)` (Radford et al. 2019, section 2.3). */
  readonly scalesResidualProjections: boolean;
  /** New token embeddings have a zero row at the padding token (torch's `padding_idx`). */
  readonly zeroPaddingEmbedding: boolean;
  readonly read: (fields: FamilyFields) => FamilyReading;
  /** The family's own `config.json` fields. */
  readonly write: (config: DecoderConfig) => Record<string, unknown>;
}

type FamilyDeclaration<Schema extends z.ZodType> = Omit<FamilyDefinition, "read"> & {
  /** Of the fields that matter to the decoder; others are kept, not read. */
  readonly fields: Schema;
  readonly toDecoder: (fields: z.output<Schema>) => DecoderConfig;
};

/** Makes a family of its declaration. */
export function defineFamily<Schema extends z.ZodType>(
  declaration: FamilyDeclaration<Schema>,
): FamilyDefinition {
  const { fields: schema, toDecoder, ...definition } = declaration;
  const shared = z.object({ reward_bias: z.number().nullish() });
  return {
    ...definition,
    read(fields) {
      const own = schema.safeParse(fields);
      const common = shared.safeParse(fields);
      const issues = [...(own.error?.issues ?? []), ...(common.error?.issues ?? [])];
      return {
        decoder: own.success ? toDecoder(own.data) : null,
        rewardBias: common.data?.reward_bias ?? 0,
        problems: issues.map((issue) => describeIssue(issue, fields)),
      };
    },
  };
}

function describeIssue(issue: z.core.$ZodIssue, fields: FamilyFields): string {
  const found = issue.path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as FamilyFields)[String(key)] : undefined,
    fields,
  );
  return `${issue.path.join(".")} (${JSON.stringify(found) ?? "missing"}): ${issue.message}`;
}
