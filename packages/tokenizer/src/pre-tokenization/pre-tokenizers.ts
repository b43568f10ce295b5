/** The pre-tokenizers of `tokenizer.json`: how a section of text is cut into words. */
import { showBytes, wordPattern } from "../byte-level.js";
import {
  type AlignedText,
  mapCharacters,
  prepend,
  replaceAll,
  slice,
} from "../normalization/aligned-text.js";
import { createPattern, escapePattern } from "../pattern.js";
import { createSplit, type SplitBehavior } from "./split.js";

/** A stretch of normalized text; `isFirst` says whether the whole text begins with it. */
export type PreTokenize = (source: AlignedText, isFirst: boolean) => readonly AlignedText[];

type Json = Readonly<Record<string, unknown>>;

const whiteSpace = /\p{White_Space}/gu;
const punctuation = /[!-/:-@[-`{-~\p{P}]/gu;

function toByteCharacters(word: AlignedText): AlignedText {
  const text = showBytes(word.text);
  // As many units as before: one byte for each, so that every unit keeps its place.
  return word.origin === undefined || text.length === word.text.length
    ? { text, origin: word.origin }
    : mapCharacters(word, showBytes);
}

const preTokenizers: Readonly<Record<string, (json: Json) => PreTokenize>> = {
  Sequence: ({ pretokenizers }) => {
    const steps = (pretokenizers as readonly Json[]).map(createPreTokenizer);
    return (source, isFirst) =>
      steps.reduce<readonly AlignedText[]>(
        (pieces, step) => pieces.flatMap((piece, index) => step(piece, isFirst && index === 0)),
        [source],
      );
  },
  ByteLevel: ({ add_prefix_space: prefixes = true, use_regex: cuts = true }) => {
    const split = createSplit(wordPattern, "Isolated");
    return (source) => {
      const spaced = prefixes && !source.text.startsWith(" ") ? prepend(source, " ") : source;
      return (cuts ? split(spaced) : [spaced]).map(toByteCharacters);
    };
  },
  Split: ({ pattern, behavior, invert }) =>
    createSplit(createPattern(pattern), behavior as SplitBehavior, invert === true),
  Metaspace: (json) => {
    const { replacement = "▁", split: cuts = true, add_prefix_space: legacy } = json;
    const scheme = json.prepend_scheme ?? (legacy === false ? "never" : "always");
    const mark = replacement as string;
    const split = createSplit(new RegExp(escapePattern(mark), "gu"), "MergedWithNext");
    return (source, isFirst) => {
      const replaced = replaceAll(source, / /g, mark);
      const prefixes = scheme === "always" || (scheme === "first" && isFirst);
      const marked = prefixes && !replaced.text.startsWith(mark) ? prepend(replaced, mark) : replaced;
      return cuts ? split(marked) : [marked];
    };
  },
  Whitespace: () =>
    createSplit(
      /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu,
      "Removed",
      true,
    ),
  WhitespaceSplit: () => createSplit(whiteSpace, "Removed"),
  BertPreTokenizer: () => {
    const words = createSplit(whiteSpace, "Removed");
    const signs = createSplit(punctuation, "Isolated");
    return (source) => words(source).flatMap(signs);
  },
  Punctuation: ({ behavior = "Isolated" }) => createSplit(punctuation, behavior as SplitBehavior),
  Digits: ({ individual_digits: single }) =>
    createSplit(/\p{N}/gu, single === true ? "Isolated" : "Contiguous"),
  CharDelimiterSplit: ({ delimiter }) => createSplit(createPattern({ String: delimiter }), "Removed"),
  FixedLength:
    ({ length = 5 }) =>
    (source) => {
      const pieces: AlignedText[] = [];
      const characters = [...source.text];
      let start = 0;
      for (let index = 0; index < characters.length; index += length as number) {
        const end = start + characters.slice(index, index + (length as number)).join("").length;
        pieces.push(slice(source, start, end));
        start = end;
      }
      return pieces;
    },
};

/** @throws {Error} when the pre-tokenizer is not known */
export function createPreTokenizer(json: Json): PreTokenize {
  const create = preTokenizers[json.type as string];
  if (create === undefined) {
    throw new Error(
      `unknown pre-tokenizer ${String(json.type)}; known are ${Object.keys(preTokenizers).join(", ")}`,
    );
  }
  return create(json);
}
