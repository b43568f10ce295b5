/** The keys of a stage's config, read from its schema. */
import type { ConfigSchema } from "@alignkit/core";

/** The part of JSON Schema that tells how a value is written. */
export interface ValueSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly ValueSchema[];
  readonly oneOf?: readonly ValueSchema[];
  readonly items?: ValueSchema;
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
}

export interface ConfigKey {
  /** As in the config: `learning_rate`. */
  readonly name: string;
  readonly description: string;
  /** What it may be; without unions. */
  readonly alternatives: readonly ValueSchema[];
  /** `undefined` when the schema does not tell. */
  readonly default: unknown;
  readonly isRequired: boolean;
}

/** Schemas that can describe themselves, as those of zod 4 can. @see https://standardschema.dev/json-schema */
interface SelfDescribing {
  readonly "~standard": {
    readonly jsonSchema?: { input(options: { readonly target: string }): unknown };
  };
}

/** Empty for a schema that cannot describe itself: its keys can be given in a file only. */
export function configKeys(schema: ConfigSchema): readonly ConfigKey[] {
  const described = (schema as SelfDescribing)["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
  const { properties = {}, required = [] } = (described ?? {}) as ValueSchema;
  return Object.entries(properties).map(([name, value]) => ({
    name,
    description: value.description ?? "",
    alternatives: alternativesOf(value),
    default: value.default,
    isRequired: required.includes(name),
  }));
}

/** Unions and lists of types, flattened. */
function alternativesOf(schema: ValueSchema): readonly ValueSchema[] {
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) return union.flatMap(alternativesOf);
  if (typeof schema.type === "object") return schema.type.map((type) => ({ ...schema, type }));
  return [schema];
}
