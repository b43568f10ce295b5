/**
 * Patterns of `tokenizer.json` as JavaScript's. The `tokenizers` library runs them with Oniguruma, whose syntax and whose
 * classes differ: white space is Unicode's, `$` ends any line, `(?i:..)` and possessive quantifiers exist, a script needs
 * no `Script=`, and any character may be escaped.
 * @see https://github.com/kkos/oniguruma/blob/master/doc/RE
 */

/**
 * @param pattern - `{String}` or `{Regex}`, as the file has it
 * @throws {Error} when the pattern has no meaning in JavaScript
 */
export function createPattern(pattern: unknown): RegExp {
  const { String: text, Regex: source } = pattern as { readonly String?: string; readonly Regex?: string };
  if (text !== undefined) return new RegExp(text === "" ? "(?!)" : escapePattern(text), "gu");
  if (source === undefined)
    throw new Error(`the pattern ${JSON.stringify(pattern)} has no "String" and no "Regex"`);
  return new RegExp(translate(source), "gu");
}

export function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** Classes that JavaScript has not, or otherwise; without brackets, so that they can stand in a class. */
const classes: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}",
  d: "\\p{Nd}",
  h: "0-9a-fA-F",
};
const anchors: Readonly<Record<string, string>> = {
  "^": "(?<=^|\\n)",
  $: "(?=$|\\n)",
  ".": "[^\\n]",
  A: "^",
  z: "$",
  Z: "(?=\\n?$)",
};

function translate(source: string): string {
  let result = "";
  let place = 0;
  let classDepth = 0;
  /** For each open group, whether letters match without regard to case inside it. */
  const ignoringCase = [false];
  const ignores = () => ignoringCase[ignoringCase.length - 1] as boolean;
  while (place < source.length) {
    const rest = source.slice(place);
    const quantifier = classDepth > 0 ? null : /^(?:[?*+]|\{\d*,?\d*\})([?+]?)/.exec(rest);
    if (quantifier !== null && result !== "" && !result.endsWith("(")) {
      // A possessive quantifier is taken as a greedy one: what follows it in these patterns never wants anything back.
      result += quantifier[1] === "+" ? quantifier[0].slice(0, -1) : quantifier[0];
      place += quantifier[0].length;
      continue;
    }
    const property = /^\\([pP])\{(\^?)([^}]+)\}/.exec(rest);
    if (property !== null) {
      const [whole, letter, not, name] = property as unknown as [string, string, string, string];
      const isNegative = (letter === "P") !== (not === "^");
      result += `\\${isNegative ? "P" : "p"}{${propertyName(name)}}`;
      place += whole.length;
      continue;
    }
    const character = String.fromCodePoint(rest.codePointAt(0) as number);
    if (character === "\\") {
      const escaped = String.fromCodePoint(rest.codePointAt(1) ?? 0x5c);
      result += translateEscape(escaped, classDepth > 0);
      place += 1 + escaped.length;
      continue;
    }
    place += character.length;
    if (classDepth > 0) {
      if (character === "[" || rest.startsWith("&&"))
        throw new Error(`"${rest.slice(0, 2)}" inside a character class has no meaning in JavaScript`);
      if (character === "]") classDepth = 0;
      result += ignores() ? variants(character) : character;
    } else if (character === "[") {
      classDepth = 1;
      const negated = source[place] === "^";
      result += negated ? "[^" : "[";
      if (negated) place++;
    } else if (character === "(") {
      const flag = /^\(\?i:/.exec(rest);
      ignoringCase.push(flag !== null || ignores());
      result += flag === null ? "(" : "(?:";
      if (flag !== null) place += 3;
    } else if (character === ")") {
      ignoringCase.pop();
      result += ")";
    } else if (character in anchors) {
      result += anchors[character];
    } else {
      const found = ignores() ? variants(character) : character;
      result += found.length > character.length ? `[${found}]` : found;
    }
  }
  return result;
}

function translateEscape(escaped: string, inClass: boolean): string {
  const kind = classes[escaped.toLowerCase()];
  if (kind !== undefined) {
    const isNegative = escaped !== escaped.toLowerCase();
    if (!isNegative) return inClass ? kind : `[${kind}]`;
    if (!inClass) return `[^${kind}]`;
    if (/^\\p\{\w+\}$/.test(kind)) return kind.replace("\\p", "\\P");
    throw new Error(`\\${escaped} inside a character class has no meaning in JavaScript`);
  }
  if (!inClass && escaped in anchors && /[A-Za-z]/.test(escaped)) return anchors[escaped] as string;
  // Under the flag "u" only these may be escaped.
  return /[\^$\\.*+?()[\]{}|/a-zA-Z0-9]/.test(escaped) || (escaped === "-" && inClass)
    ? `\\${escaped}`
    : escaped;
}

/** JavaScript takes general categories and binary properties by name, scripts only with `Script=`. */
function propertyName(name: string): string {
  for (const candidate of [name, `Script=${name}`]) {
    try {
      new RegExp(`\\p{${candidate}}`, "u");
      return candidate;
    } catch {
      // The next spelling is tried; if none is right, the pattern as a whole is refused.
    }
  }
  return name;
}

/** The letters that are one without regard to case: "s" is also "S" and U+017F. */
function variants(character: string): string {
  const upper = character.toUpperCase();
  const lower = character.toLowerCase();
  const more: Readonly<Record<string, string>> = { s: "\u017f", k: "\u212a" };
  return (
    [...new Set([character, lower, upper])].filter((one) => [...one].length === 1).join("") +
    (more[lower] ?? "")
  );
}
