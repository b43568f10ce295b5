/** Fields that Python holds as floats; libraries with typed configs refuse an integer there. */
const floatField =
  /(?:_eps|epsilon|dropout|pdrop|_range|theta|_factor|reward_bias|temperature|top_p|penalty)$/;

/** A line of an object with a number: its key, the number, the rest. */
const numberLine = /^( *"([^"\\]+)": )(-?[0-9][0-9.e+-]*)(,?)$/gm;

/**
 * JSON as transformers writes it: two spaces, keys as given, a line end, floats as Python spells them. Whole numbers in
 * float fields keep their `.0`, which JavaScript cannot tell from an integer.
 */
export function formatConfigJson(fields: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(fields, null, 2).replace(
    numberLine,
    (_, start: string, key: string, number: string, comma: string) =>
      `${start}${formatNumber(number, floatField.test(key))}${comma}`,
  );
  return `${text}\n`;
}

function formatNumber(text: string, isFloat: boolean): string {
  const value = Number(text);
  if (Number.isInteger(value)) {
    return isFloat && !text.includes("e") ? `${text}.0` : text;
  }
  // Python turns to exponents, of at least two digits, below 1e-4; JavaScript below 1e-6.
  return Math.abs(value) < 1e-4 ? value.toExponential().replace(/e-(\d)$/, "e-0$1") : text;
}
