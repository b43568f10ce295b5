/**
 * Trains a byte-level BPE tokenizer, as GPT-2's is, and writes it as Hugging Face files.
 *
 * Same texts, same options: same bytes. Ids are in the order of the `tokenizers` library's trainer: special tokens, the
 * 256 bytes by the code point of their characters, merges.
 */
import { byteCharacters, showBytes, wordPattern } from "../byte-level.js";
import { TokenizerError } from "../errors.js";
import { createTokenizer, type Tokenizer } from "../tokenizer.js";
import { type CountedWord, learnMerges } from "./learn-merges.js";

/** What a tokenizer is learned from. */
export interface TrainByteLevelBpeOptions {
  readonly texts: Iterable<string>;
  /** Tokens in all, special ones and the 256 bytes included; fewer when the texts have no more pairs. */
  readonly vocabularySize: number;
  /** All different: a model whose padding is its end token never learns to stop. */
  readonly specialTokens?: {
    readonly bos?: string;
    readonly eos?: string;
    readonly pad?: string;
    readonly additional?: readonly string[];
  };
  /** Whether `encode` puts BOS in front; default true. */
  readonly addBos?: boolean;
  /** A pair seen less often is not merged; default 0, as the library's trainer. */
  readonly minimumFrequency?: number;
  /** Written to `tokenizer_config.json` as `model_max_length`. */
  readonly maximumLength?: number;
}

/** @throws {TokenizerError} when special tokens coincide or the vocabulary cannot hold the bytes */
export function trainByteLevelBpe(options: TrainByteLevelBpeOptions): Tokenizer {
  const { bos = "<|bos|>", eos = "<|eos|>", pad = "<|pad|>", additional = [] } = options.specialTokens ?? {};
  const special = [bos, eos, pad, ...additional];
  const repeated = special.find((token, index) => special.indexOf(token) !== index);
  if (repeated !== undefined || special.includes("")) {
    throw new TokenizerError(`special tokens [${special.join(", ")}] must be different and not empty`);
  }
  const smallest = special.length + byteCharacters.length;
  if (!Number.isInteger(options.vocabularySize) || options.vocabularySize < smallest) {
    throw new TokenizerError(
      `vocabularySize is ${options.vocabularySize}; ${special.length} special tokens and 256 bytes need ${smallest}`,
    );
  }

  const alphabet = [...byteCharacters].sort(
    (a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number),
  );
  const tokens = [...special, ...alphabet];
  const merges = learnMerges({
    words: countWords(
      options.texts,
      new Map(alphabet.map((character, index) => [character, special.length + index])),
    ),
    tokens,
    vocabularySize: options.vocabularySize,
    minimumFrequency: options.minimumFrequency ?? 0,
  });

  const addBos = options.addBos ?? true;
  const tokenizerJson = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: addBos
      ? bosTemplate(bos)
      : { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  const named = { bos_token: bos, eos_token: eos, pad_token: pad };
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...named,
    ...(additional.length > 0 ? { additional_special_tokens: additional } : {}),
    clean_up_tokenization_spaces: false,
    ...(options.maximumLength === undefined ? {} : { model_max_length: options.maximumLength }),
  };
  return createTokenizer(
    new Map(
      Object.entries({
        "tokenizer.json": tokenizerJson,
        "tokenizer_config.json": config,
        "special_tokens_map.json": named,
      }).map(([name, value]) => [name, new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`)]),
    ),
  );
}

/** The words of `texts` with how often each occurs, in symbols of the byte alphabet. */
function countWords(texts: Iterable<string>, idOf: ReadonlyMap<string, number>): CountedWord[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of text.match(wordPattern) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => ({
    symbols: [...showBytes(word)].map((character) => idOf.get(character) as number),
    count,
  }));
}

function bosTemplate(bos: string): object {
  const specialToken = (typeId: number) => ({ SpecialToken: { id: bos, type_id: typeId } });
  const sequence = (id: "A" | "B", typeId: number) => ({ Sequence: { id, type_id: typeId } });
  return {
    type: "TemplateProcessing",
    single: [specialToken(0), sequence("A", 0)],
    pair: [specialToken(0), sequence("A", 0), specialToken(1), sequence("B", 1)],
    special_tokens: { [bos]: { id: bos, ids: [0], tokens: [bos] } },
  };
}
