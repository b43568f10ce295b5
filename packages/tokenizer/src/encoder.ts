/**
 * Text to tokens, as the `tokenizers` library: added tokens are cut out of the raw text, the rest is normalized, cut at
 * the added tokens that live in normalized text, split into words, and each word into tokens.
 */
import { type AddedToken, createAddedTokenSplitter } from "./added-tokens.js";
import type { TokenModel, TokenPlace } from "./models/model.js";
import { type AlignedText, originOf, plainText, slice } from "./normalization/aligned-text.js";
import type { Normalize } from "./normalization/normalizers.js";
import type { PreTokenize } from "./pre-tokenization/pre-tokenizers.js";

export interface EncoderParts {
  readonly addedTokens: readonly AddedToken[];
  readonly normalize: Normalize | undefined;
  readonly preTokenize: PreTokenize | undefined;
  readonly model: TokenModel;
}

export interface Encoder {
  /** Ids of a text without the template's special tokens. */
  encode(text: string): number[];
  /** The same ids with their places in `text`. */
  locate(text: string): TokenPlace[];
}

export function createEncoder({ addedTokens, normalize, preTokenize, model }: EncoderParts): Encoder {
  const raw = new Map<string, AddedToken>();
  const normalized = new Map<string, AddedToken>();
  for (const token of addedTokens) {
    if (!token.normalized) raw.set(token.content, token);
    else normalized.set(normalize?.(plainText(token.content)).text ?? token.content, token);
  }
  const splitRaw = createAddedTokenSplitter(raw);
  const splitNormalized = createAddedTokenSplitter(normalized);

  /** Calls back for each added token and each word, in order. */
  const walk = (
    text: string,
    isTracked: boolean,
    onToken: (id: number, section: AlignedText) => void,
    onWord: (word: AlignedText) => void,
  ) => {
    let offset = 0;
    for (const { text: part, token } of splitRaw(text)) {
      const section = { text: part, origin: isTracked ? offset : undefined };
      const isFirst = offset === 0;
      offset += part.length;
      if (token !== undefined) {
        onToken(token.id, section);
        continue;
      }
      const whole = normalize?.(section) ?? section;
      let start = 0;
      for (const { text: piece, token: inner } of splitNormalized(whole.text)) {
        const words = piece.length === whole.text.length ? whole : slice(whole, start, start + piece.length);
        if (inner !== undefined) onToken(inner.id, words);
        else for (const word of preTokenize?.(words, isFirst && start === 0) ?? [words]) onWord(word);
        start += piece.length;
      }
    }
  };

  return {
    encode(text) {
      const ids: number[] = [];
      walk(
        text,
        false,
        (id) => ids.push(id),
        (word) => {
          for (const id of model.encode(word.text)) ids.push(id);
        },
      );
      return ids;
    },
    locate(text) {
      const places: TokenPlace[] = [];
      const add = (id: number, piece: AlignedText, from: number, to: number) => {
        const { start, end } = originOf(piece, from, to);
        places.push({ id, start, end });
      };
      walk(
        text,
        true,
        (id, section) => add(id, section, 0, section.text.length),
        (word) => {
          for (const { id, start, end } of model.locate(word.text)) add(id, word, start, end);
        },
      );
      return places;
    },
  };
}
