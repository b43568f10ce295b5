/**
 * Unicode's normal forms with alignment.
 *
 * Runtimes normalize strings but do not say which character became which, so the canonical algorithm is done here with
 * the runtime's decompositions and compositions of single characters. What counts for the alignment is what the
 * `tokenizers` library counts: 0 for a character in the place of another, 1 more for each that is put in, 1 less for each
 * that goes.
 * @see Unicode Standard Annex 15; Unicode 16, section 3.11
 */
import { type AlignedText, pick, plainText } from "./aligned-text.js";

export type UnicodeForm = "NFC" | "NFD" | "NFKC" | "NFKD";

export function toUnicodeForm(source: AlignedText, form: UnicodeForm): AlignedText {
  const { text, origin } = source;
  const normalized = text.normalize(form);
  if (normalized === text) return source;
  if (origin === undefined) return plainText(normalized);
  const decomposed = decompose(text, form.includes("K") ? "NFKD" : "NFD");
  return replaceParts(source, form.endsWith("C") ? compose(decomposed) : decomposed);
}

interface Part {
  readonly character: string;
  /** How many characters this one adds to the text; see above. */
  readonly change: number;
}

function decompose(text: string, form: "NFD" | "NFKD"): Part[] {
  const parts: Part[] = [];
  for (const character of text) {
    let change = 0;
    for (const piece of character.normalize(form)) {
      // Canonical order: a mark goes before marks of a higher class.
      let place = parts.length;
      while (place > 0 && swaps(parts[place - 1]?.character as string, piece)) place--;
      parts.splice(place, 0, { character: piece, change });
      change = 1;
    }
  }
  return parts;
}

function compose(decomposed: readonly Part[]): Part[] {
  const parts: Part[] = [];
  let starter: number | undefined;
  for (const { character, change } of decomposed) {
    const first = starter === undefined ? undefined : parts[starter];
    const last = parts[parts.length - 1]?.character;
    const touches = starter === parts.length - 1;
    const composed =
      first !== undefined && (touches || isBehind(last as string, character))
        ? composePair(first.character, character)
        : undefined;
    if (first !== undefined && composed !== undefined) {
      parts[starter as number] = { character: composed, change: first.change + change - 1 };
      continue;
    }
    parts.push({ character, change });
    if (isStarter(character)) starter = parts.length - 1;
  }
  return parts;
}

function replaceParts(source: AlignedText, parts: readonly Part[]): AlignedText {
  const places: number[] = [];
  let place = 0;
  for (const character of source.text) {
    places.push(place);
    place += character.length;
  }
  const from: number[] = [];
  let taken = 0;
  for (const { character, change } of parts) {
    const at = places[change > 0 ? Math.max(0, taken - 1) : taken] as number;
    for (let unit = 0; unit < character.length; unit++) from.push(at);
    if (change <= 0) taken += 1 - change;
  }
  return pick(source, parts.map(({ character }) => character).join(""), from);
}

const mark = /\p{M}/u;

/** Whether canonical order puts `b` before `a`: both have a combining class, and that of `b` is lower. */
function swaps(a: string, b: string): boolean {
  return mark.test(b) && (a + b).normalize("NFD") === b + a && a !== b;
}

/** Whether a mark of the same class, or a starter, between a starter and `b` keeps the two apart. */
function isBehind(a: string, b: string): boolean {
  return !isStarter(a) && !isStarter(b) && swaps(b, a);
}

/** U+0334 has the lowest combining class there is, U+0345 the highest; a starter passes neither. */
function isStarter(character: string): boolean {
  if (!mark.test(character)) return true;
  return !swaps(character, "\u0334") && !swaps("\u0345", character);
}

function composePair(first: string, second: string): string | undefined {
  const composed = (first + second).normalize("NFC");
  return composed.length === ((composed.codePointAt(0) as number) > 0xffff ? 2 : 1) ? composed : undefined;
}
