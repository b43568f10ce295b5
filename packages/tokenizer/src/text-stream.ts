/** Text of tokens as they arrive, in whole characters only. */
import type { Tokenizer } from "./tokenizer.js";

/** Text from tokens that come one at a time. */
export interface TextStream {
  /** Takes one token and gives the text that it completes, often none. */
  push(id: number): string;
  /** Gives what is left at the end, U+FFFD for a character that never became whole. */
  end(): string;
}

/**
 * Decodes a growing list of ids. Ids are decoded together with those of the last piece shown, because a token's text
 * may depend on the token before it (leading spaces of SentencePiece-like tokenizers).
 */
export function createTextStream(tokenizer: Pick<Tokenizer, "decode">): TextStream {
  const options = { skipSpecialTokens: true };
  let context: number[] = [];
  let pending: number[] = [];
  const text = () =>
    tokenizer.decode([...context, ...pending], options).slice(tokenizer.decode(context, options).length);
  const show = (piece: string) => {
    if (piece !== "") context = pending;
    pending = [];
    return piece;
  };
  return {
    push(id) {
      pending.push(id);
      const piece = text();
      return piece === "" || piece.endsWith("\ufffd") ? "" : show(piece);
    },
    end: () => show(text()),
  };
}
