/**
 * Cuts a text at its added tokens, as the `tokenizers` library does: leftmost and longest match first, whole words only
 * where a token asks for it, and with the white space that it strips on either side.
 */

/** An entry of `added_tokens` in `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Matches only where no word character touches it. */
  readonly single_word: boolean;
  /** Takes the white space on its left with it. */
  readonly lstrip: boolean;
  /** Takes the white space on its right with it. */
  readonly rstrip: boolean;
  /** Looked for in the normalized text instead of the raw one. */
  readonly normalized: boolean;
  /** Left out by `decode` with `skipSpecialTokens`. */
  readonly special: boolean;
}

/** A stretch of text: an added token, or plain text when `token` is undefined. */
export interface Section {
  readonly text: string;
  readonly token: AddedToken | undefined;
}

export type SplitAddedTokens = (text: string) => readonly Section[];

const wordCharacter = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d]";
const endsWithWord = new RegExp(`${wordCharacter}$`, "u");
const startsWithWord = new RegExp(`^${wordCharacter}`, "u");
const spaceAtEnd = /\p{White_Space}+$/u;
const spaceAtStart = /^\p{White_Space}+/u;

/** Makes the splitter of `tokens`; `contents` maps what is looked for to its token. */
export function createAddedTokenSplitter(contents: ReadonlyMap<string, AddedToken>): SplitAddedTokens {
  if (contents.size === 0) return (text) => (text === "" ? [] : [{ text, token: undefined }]);
  // Longest first: alternation takes the first branch that fits, so the match is the leftmost and longest.
  const longestFirst = [...contents.keys()]
    .filter((content) => content !== "")
    .sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escapePattern).join("|"), "g");

  return (text) => {
    const sections: Section[] = [];
    let taken = 0;
    for (const match of text.matchAll(pattern)) {
      const token = contents.get(match[0]);
      if (token === undefined) continue;
      let start = match.index;
      let stop = start + match[0].length;
      if (start < taken) continue;
      if (
        token.single_word &&
        (endsWithWord.test(text.slice(0, start)) || startsWithWord.test(text.slice(stop)))
      ) {
        continue;
      }
      if (token.lstrip)
        start = Math.max(taken, start - (spaceAtEnd.exec(text.slice(taken, start))?.[0].length ?? 0));
      if (token.rstrip) stop += spaceAtStart.exec(text.slice(stop))?.[0].length ?? 0;
      if (start > taken) sections.push({ text: text.slice(taken, start), token: undefined });
      sections.push({ text: text.slice(start, stop), token });
      taken = stop;
    }
    if (taken < text.length) sections.push({ text: text.slice(taken), token: undefined });
    return sections;
  };
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** @param entries - `added_tokens` of `tokenizer.json` @throws {Error} when one lacks its id or text */
export function readAddedTokens(entries: unknown): AddedToken[] {
  if (!Array.isArray(entries)) return [];
  return entries.map((entry: Partial<AddedToken>, index) => {
    if (typeof entry?.content !== "string" || !Number.isInteger(entry.id)) {
      throw new Error(`added_tokens[${index}] needs "id" and "content"`);
    }
    const special = entry.special ?? false;
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: !special, special };
    return { ...flags, ...(entry as Pick<AddedToken, "id" | "content">) };
  });
}
