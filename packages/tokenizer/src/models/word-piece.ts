import type { ModelJson, TokenModel, TokenPlace } from "./model.js";

/**
 * The longest token first, again and again; a word of which a part has no token is unknown as a whole.
 * @see Wu et al. 2016, section 4.1; `WordpieceTokenizer` of BERT's `tokenization.py`
 */
export function createWordPiece(json: ModelJson): TokenModel {
  const vocabulary = new Map(Object.entries(json.vocab as Readonly<Record<string, number>>));
  const prefix = (json.continuing_subword_prefix as string | undefined) ?? "##";
  const unknownToken = (json.unk_token as string | undefined) ?? "[UNK]";
  const mostCharacters = (json.max_input_chars_per_word as number | undefined) ?? 100;
  const unknown = vocabulary.get(unknownToken);

  const locate = (word: string): readonly TokenPlace[] => {
    const whole = unknown === undefined ? [] : [{ id: unknown, start: 0, end: word.length }];
    if ([...word].length > mostCharacters) return whole;
    const places: TokenPlace[] = [];
    for (let start = 0; start < word.length; ) {
      let end = word.length;
      const head = start === 0 ? "" : prefix;
      let id = vocabulary.get(head + word.slice(start, end));
      while (id === undefined && end > start) id = vocabulary.get(head + word.slice(start, --end));
      if (id === undefined || end === start) return whole;
      places.push({ id, start, end });
      start = end;
    }
    return places;
  };
  return { vocabulary, unknownToken, locate, encode: (word) => locate(word).map(({ id }) => id) };
}
