import type { TextTokenizer } from "../src/text-tokenizer.js";

export interface CharacterTokenizerOptions {
  /** Whether `encode` puts BOS in front. */
  readonly addBos?: boolean;
  /** A space in front of every text, taken away by `decode`, as SentencePiece-like tokenizers do. */
  readonly addSpace?: boolean;
  readonly eosTokenId?: number | undefined;
}

export const bos = 1;
export const eos = 2;
/** The one token of two characters. */
export const ab = 3;

/** `<s>` is 1, `</s>` is 2, `ab` is 3, every other character its code. */
export function createCharacterTokenizer(options: CharacterTokenizerOptions = {}): TextTokenizer {
  const { addBos = true, addSpace = false } = options;
  const tokens = new Map([
    ["<s>", bos],
    ["</s>", eos],
    ["ab", ab],
  ]);
  const texts = new Map([...tokens].map(([text, id]) => [id, text]));
  return {
    bosTokenId: bos,
    eosTokenId: "eosTokenId" in options ? options.eosTokenId : eos,
    encode(text, { addSpecialTokens = true } = {}) {
      const spaced = addSpace && text !== "" ? ` ${text}` : text;
      const ids = (spaced.match(/<s>|<\/s>|ab|.|\n/g) ?? []).map(
        (token) => tokens.get(token) ?? token.charCodeAt(0),
      );
      return addSpecialTokens && addBos ? [bos, ...ids] : ids;
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const shown = Array.from(ids).filter((id) => !(skipSpecialTokens && (id === bos || id === eos)));
      const text = shown.map((id) => texts.get(id) ?? String.fromCharCode(id)).join("");
      return addSpace ? text.replace(/^ /, "") : text;
    },
  };
}

/** Codes of a text's characters. */
export const codes = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
