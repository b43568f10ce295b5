/** Fields that Python holds as floats; libraries with typed configs refuse an integer there. */
const floatField =
  /(?:_eps|epsilon|dropout|pdrop|_range|theta|_factor|reward_bias|temperature|top_p|penalty)$/;

/**
 * JSON as transformers writes it: two spaces, keys as given, a line end; whole numbers in float fields keep their `.0`,
 * which JavaScript cannot tell from an integer.
 */
export function formatConfigJson(fields: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(fields, null, 2).replace(
    /^( *"([^"\\]+)": -?\d+)(,?)$/gm,
    (line, start: string, key: string, comma: string) => (floatField.test(key) ? `${start}.0${comma}` : line),
  );
  return `${text}\n`;
}
