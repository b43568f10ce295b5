/**
 * Text to ids and back, as a Hugging Face tokenizer directory says.
 *
 * The pipeline is that of the `tokenizers` library: added tokens are cut out of the raw text, the rest is normalized,
 * cut at the added tokens that live in normalized text, split into words, and each word into tokens.
 */
import { type AddedToken, createAddedTokenSplitter } from "./added-tokens.js";
import { readChatTemplates } from "./chat/read-templates.js";
import { readSpecialTokens } from "./chat/special-tokens.js";
import { type ChatTemplate, createChatTemplate } from "./chat/template.js";
import { TokenizerError } from "./errors.js";
import { createTokenizerParts, type TokenizerParts } from "./library.js";

export interface Tokenizer {
  /** One more than the largest id. */
  readonly vocabularySize: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  /**
   * As the files say. Many published models give padding the id of the end token: masks must come from lengths, never
   * from comparing ids with this one.
   */
  readonly padTokenId: number | undefined;
  readonly unkTokenId: number | undefined;
  /** Ids that `decode` leaves out with `skipSpecialTokens`. */
  readonly specialTokenIds: ReadonlySet<number>;
  /** Conversations as text, when the files say how. */
  readonly chatTemplate: ChatTemplate | undefined;
  /** The files that this tokenizer was made of, by name, unchanged. */
  readonly files: TokenizerFiles;
  /** @param options.addSpecialTokens - adds what the template says, usually BOS in front; default true */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /**
   * Text of `ids`. Ids without a token are left out. Bytes that are not UTF-8 become U+FFFD. Nothing is "cleaned up":
   * `clean_up_tokenization_spaces` of old files is not obeyed, because it changes the text.
   */
  decode(ids: ArrayLike<number>, options?: { readonly skipSpecialTokens?: boolean }): string;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
}

/** Contents of a tokenizer directory by file name; `tokenizer.json` must be among them. */
export type TokenizerFiles = ReadonlyMap<string, Uint8Array>;

/** @throws {TokenizerError} when `tokenizer.json` is missing or cannot be used */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const tokenizerJson = readJson(files, "tokenizer.json");
  if (tokenizerJson === undefined) throw new TokenizerError("tokenizer.json is missing");
  const config = readJson(files, "tokenizer_config.json") ?? {};
  const specialTokensMap = readJson(files, "special_tokens_map.json") ?? {};
  const parts = createParts(tokenizerJson, config);

  const idToToken: (string | undefined)[] = [];
  for (const [token, id] of parts.vocabulary) idToToken[id] = token;
  const tokenToId = (token: string) => parts.vocabulary.get(token);
  const specialTokens = readSpecialTokens(config, specialTokensMap);
  const namedToken = (name: string): number | undefined => {
    const content = specialTokens.get(name);
    return content === undefined ? undefined : tokenToId(content);
  };
  const templates = readChatTemplates(files, config.chat_template);
  const specialTokenIds = new Set(
    parts.addedTokens.filter((token) => token.special).map((token) => token.id),
  );
  const encodeText = createEncoder(parts);
  const { prefix, suffix } = templateIds(parts);

  return {
    vocabularySize: idToToken.length,
    bosTokenId: namedToken("bos_token"),
    eosTokenId: namedToken("eos_token"),
    padTokenId: namedToken("pad_token"),
    unkTokenId:
      namedToken("unk_token") ??
      (parts.unknownToken === undefined ? undefined : tokenToId(parts.unknownToken)),
    specialTokenIds,
    chatTemplate: templates === undefined ? undefined : createChatTemplate(templates, specialTokens),
    files,
    encode(text, { addSpecialTokens = true } = {}) {
      const ids = encodeText(text);
      return addSpecialTokens ? [...prefix, ...ids, ...suffix] : ids;
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const tokens: string[] = [];
      for (let index = 0; index < ids.length; index++) {
        const id = ids[index] as number;
        const token = idToToken[id];
        if (token !== undefined && !(skipSpecialTokens && specialTokenIds.has(id))) tokens.push(token);
      }
      return tokens.length === 0 ? "" : parts.decode(tokens);
    },
    tokenToId,
    idToToken: (id) => idToToken[id],
  };
}

function createParts(tokenizerJson: Json, config: Json): TokenizerParts {
  try {
    return createTokenizerParts(tokenizerJson, config);
  } catch (cause) {
    throw new TokenizerError(
      `tokenizer.json cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

/** Ids of a text without the template's special tokens. */
function createEncoder(parts: TokenizerParts): (text: string) => number[] {
  const raw = new Map<string, AddedToken>();
  const normalized = new Map<string, AddedToken>();
  for (const token of parts.addedTokens) {
    if (token.normalized) normalized.set(parts.normalize(token.content), token);
    else raw.set(token.content, token);
  }
  const splitRaw = createAddedTokenSplitter(raw);
  const splitNormalized = createAddedTokenSplitter(normalized);

  return (text) => {
    const ids: number[] = [];
    splitRaw(text).forEach((section, sectionIndex) => {
      if (section.token !== undefined) {
        ids.push(section.token.id);
        return;
      }
      for (const part of splitNormalized(parts.normalize(section.text))) {
        if (part.token !== undefined) {
          ids.push(part.token.id);
          continue;
        }
        for (const id of parts.encodeWords(parts.splitWords(part.text, sectionIndex))) ids.push(id);
      }
    });
    return ids;
  };
}

/** What the template puts before and after a text, found with a token that no vocabulary holds. */
function templateIds(parts: TokenizerParts): {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
} {
  const text = "\u0000text\u0000";
  const tokens = parts.addSpecialTokens([text]);
  const ids = (around: readonly string[]) =>
    around.map((token) => {
      const id = parts.vocabulary.get(token);
      if (id === undefined)
        throw new TokenizerError(`tokenizer.json: the template adds ${token}, which has no id`);
      return id;
    });
  const place = tokens.indexOf(text);
  return { prefix: ids(tokens.slice(0, place)), suffix: ids(tokens.slice(place + 1)) };
}

type Json = Readonly<Record<string, unknown>>;

function readJson(files: TokenizerFiles, name: string): Json | undefined {
  const bytes = files.get(name);
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TokenizerError(
      `${name} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TokenizerError(`${name} holds no JSON object`);
  }
  return value as Json;
}
