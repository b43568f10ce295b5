/** Single parts of `@huggingface/tokenizers`. The only file that imports it. */
import { ByteFallbackDecoder, type Decoder, SequenceDecoder, Tokenizer } from "@huggingface/tokenizers";
import type { AddedToken } from "./added-tokens.js";
import { decodeByteFallback } from "./byte-fallback.js";

/** The package opens whole tokenizers only. */
function open(parts: { readonly normalizer?: unknown; readonly decoder?: unknown }): Tokenizer {
  const model = { type: "WordPiece", vocab: {}, unk_token: "", continuing_subword_prefix: "##" };
  const empty = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return new Tokenizer({ ...empty, added_tokens: [], model, ...parts }, {});
}

/** @throws whatever the package throws on a normalizer that it does not know */
export function createLibraryNormalizer(json: unknown): (text: string) => string {
  const { normalizer } = open({ normalizer: json });
  return (text) => (normalizer === null ? text : normalizer(text));
}

/**
 * Tokens back to text. What the package does differently from the Rust library is corrected: a run of byte tokens that is
 * not UTF-8 lost its valid ASCII bytes, and U+FEFF was dropped.
 * @param json - `decoder` of `tokenizer.json`
 * @throws whatever the package throws on a decoder that it does not know
 */
export function createDecoder(
  json: unknown,
  addedTokens: readonly AddedToken[],
): (tokens: readonly string[]) => string {
  const { decoder } = open({ decoder: json ?? null });
  if (decoder === null) return (tokens) => tokens.join(" ");
  correct(decoder, addedTokens);
  return (tokens) => decoder([...tokens]);
}

function correct(decoder: Decoder, addedTokens: readonly AddedToken[]): void {
  decoder.added_tokens = [...addedTokens];
  if (decoder instanceof SequenceDecoder) for (const part of decoder.decoders) correct(part, addedTokens);
  if (decoder instanceof ByteFallbackDecoder) decoder.decode_chain = decodeByteFallback;
}
