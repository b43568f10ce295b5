/** The special tokens that a tokenizer's files name, as chat templates know them. */

type Json = Readonly<Record<string, unknown>>;

/**
 * `bos_token`, `eos_token` and so on with their text; `tokenizer_config.json` comes before `special_tokens_map.json`.
 * Newer files have further ones by name in `extra_special_tokens`.
 */
export function readSpecialTokens(config: Json, specialTokensMap: Json): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>();
  const extra = config.extra_special_tokens;
  for (const source of [specialTokensMap, isObject(extra) ? extra : {}, config]) {
    for (const [name, value] of Object.entries(source)) {
      const content = tokenContent(value);
      if (name.endsWith("_token") && content !== undefined) tokens.set(name, content);
    }
  }
  return tokens;
}

/** A special token is spelled as its text, or as an object with `content`. */
function tokenContent(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return isObject(value) && typeof value.content === "string" ? value.content : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
