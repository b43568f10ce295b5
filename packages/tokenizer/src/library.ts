/**
 * The parts of `@huggingface/tokenizers` that a tokenizer is made of, with what it does differently from the Rust
 * library corrected. The only file that imports it.
 *
 * Corrected, each seen on vectors of the Rust library:
 * - byte fallback: a run that is not UTF-8 lost its valid ASCII bytes, and U+FEFF was dropped;
 * - byte-level pre-tokenization: JavaScript's `\s` took U+FEFF for white space and U+0085 not;
 * - added tokens stood in the model's own vocabulary, where `ignore_merges` found them inside plain text.
 * Byte-pair merging is done by `bpe.ts`, several times faster. Added tokens are cut by `added-tokens.ts`, because the package ignores their whole-word flag.
 */
import {
  ByteFallbackDecoder,
  ByteLevelPreTokenizer,
  type Decoder,
  type PreTokenizer,
  SequenceDecoder,
  SequencePreTokenizer,
  Tokenizer,
} from "@huggingface/tokenizers";
import type { AddedToken } from "./added-tokens.js";
import { decodeByteFallback } from "./byte-fallback.js";
import { showBytes, wordPattern } from "./byte-level.js";
import { createBpeEncoder } from "./models/bpe.js";

/** A tokenizer in parts. */
export interface TokenizerParts {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly addedTokens: readonly AddedToken[];
  readonly unknownToken: string | undefined;
  normalize(text: string): string;
  /** Cuts a section into words; `sectionIndex` counts the sections of one text. */
  splitWords(text: string, sectionIndex: number): readonly string[];
  /** Ids of the tokens of some words. */
  encodeWords(words: readonly string[]): readonly number[];
  /** Puts the special tokens of the template around `tokens`. */
  addSpecialTokens(tokens: readonly string[]): readonly string[];
  decode(tokens: readonly string[]): string;
}

/** @throws whatever the package throws on a file that it does not understand. */
export function createTokenizerParts(
  tokenizerJson: Readonly<Record<string, unknown>>,
  tokenizerConfig: object,
): TokenizerParts {
  const { model: modelJson, added_tokens: addedTokensJson } = tokenizerJson as TokenizerJson;
  const isOurs = isPlainBpe(modelJson);
  const library = new Tokenizer(
    // Without the merges the package builds no index of its own for them, which is most of its loading time.
    { ...tokenizerJson, model: isOurs ? { ...modelJson, merges: [] } : modelJson, added_tokens: [] },
    tokenizerConfig,
  );
  const { normalizer, pre_tokenizer: preTokenizer, model, post_processor: postProcessor, decoder } = library;
  if (model === null) throw new Error("the file has no model");
  const addedTokens = readAddedTokens(addedTokensJson);
  correctDecoder(decoder, addedTokens);
  correctPreTokenizer(preTokenizer);
  const modelVocabulary = library.get_vocab();
  const unknownToken = model.unk_token ?? undefined;
  const unknown = unknownToken === undefined ? undefined : modelVocabulary.get(unknownToken);
  const encodeWord = isOurs ? createWordEncoder(modelJson, modelVocabulary) : undefined;
  return {
    vocabulary: new Map([
      ...modelVocabulary,
      ...addedTokens.map((token) => [token.content, token.id] as const),
    ]),
    addedTokens,
    unknownToken,
    normalize: (text) => (normalizer === null ? text : normalizer(text)),
    splitWords: (text, sectionIndex) =>
      preTokenizer === null ? [text] : preTokenizer(text, { section_index: sectionIndex }),
    encodeWords: (words) => {
      if (encodeWord === undefined)
        return model([...words]).flatMap((token) => modelVocabulary.get(token) ?? unknown ?? []);
      const ids: number[] = [];
      for (const word of words) for (const id of encodeWord(word)) ids.push(id);
      return ids;
    },
    addSpecialTokens: (tokens) =>
      postProcessor === null ? tokens : postProcessor([...tokens], null, true).tokens,
    decode: (tokens) => (decoder === null ? tokens.join(" ") : decoder([...tokens])),
  };
}

interface TokenizerJson {
  readonly model?: ModelJson;
  readonly added_tokens?: unknown;
}

/** The part of `model` in `tokenizer.json` that byte-pair merging needs. */
interface ModelJson {
  readonly type?: string;
  readonly merges?: readonly (string | readonly [string, string])[];
  readonly unk_token?: string | null;
  readonly fuse_unk?: boolean;
  readonly byte_fallback?: boolean;
  readonly ignore_merges?: boolean;
  readonly continuing_subword_prefix?: string | null;
  readonly end_of_word_suffix?: string | null;
}

/** Byte-pair merging without prefixes and suffixes is done here, every other model by the package. */
function isPlainBpe(model: ModelJson | undefined): model is ModelJson {
  const isBpe = model?.merges !== undefined && (model.type ?? "BPE") === "BPE";
  return isBpe && !model.continuing_subword_prefix && !model.end_of_word_suffix;
}

function createWordEncoder(
  model: ModelJson,
  vocabulary: ReadonlyMap<string, number>,
): (word: string) => readonly number[] {
  return createBpeEncoder({
    vocabulary,
    merges: (model.merges ?? []).map((merge) =>
      typeof merge === "string" ? (merge.split(" ", 2) as [string, string]) : merge,
    ),
    unknownToken: model.unk_token ?? undefined,
    fuseUnknown: model.fuse_unk ?? false,
    byteFallback: model.byte_fallback ?? false,
    ignoreMerges: model.ignore_merges ?? false,
  });
}

function readAddedTokens(entries: unknown): AddedToken[] {
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

function correctDecoder(decoder: Decoder | null, addedTokens: readonly AddedToken[]): void {
  if (decoder === null) return;
  decoder.added_tokens = [...addedTokens];
  if (decoder instanceof SequenceDecoder)
    for (const part of decoder.decoders) correctDecoder(part, addedTokens);
  if (decoder instanceof ByteFallbackDecoder) decoder.decode_chain = decodeByteFallback;
}

function correctPreTokenizer(preTokenizer: PreTokenizer | null): void {
  if (preTokenizer instanceof SequencePreTokenizer)
    for (const part of preTokenizer.tokenizers) correctPreTokenizer(part);
  if (preTokenizer instanceof ByteLevelPreTokenizer) {
    const { add_prefix_space: addPrefixSpace, use_regex: cutWords } = preTokenizer;
    preTokenizer.pre_tokenize_text = (text) => {
      const spaced = addPrefixSpace && !text.startsWith(" ") ? ` ${text}` : text;
      return (cutWords ? (spaced.match(wordPattern) ?? []) : [spaced]).map(showBytes);
    };
  }
}
