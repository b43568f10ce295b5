/** Text to ids and back, as a Hugging Face tokenizer directory says. */
import { type AddedToken, readAddedTokens } from "./added-tokens.js";
import { type Chat, createChat } from "./chat/chat.js";
import { readChatTemplates } from "./chat/read-templates.js";
import { readSpecialTokens } from "./chat/special-tokens.js";
import { createChatTemplate } from "./chat/template.js";
import { createEncoder, type Encoder } from "./encoder.js";
import { type Encoding, encodeTexts } from "./encoding.js";
import { TokenizerError } from "./errors.js";
import { createDecoder } from "./library.js";
import { createModel, type ModelJson, type TokenModel, type TokenPlace } from "./models/model.js";
import { createNormalizer } from "./normalization/normalizers.js";
import { createPostProcessor, type PostProcessor } from "./post-processor.js";
import { createPreTokenizer } from "./pre-tokenization/pre-tokenizers.js";

/** Text to ids and back, as `tokenizer.json` says. */
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
  /** Conversations by the chat template, when the files have one. */
  readonly chat: Chat | undefined;
  /** The files that this tokenizer was made of, by name, unchanged. */
  readonly files: TokenizerFiles;
  /** @param options.addSpecialTokens - adds what the template says, usually BOS in front; default true */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /** The same ids with where each comes from. @param options.pair - a second text, after the first */
  encodeWithOffsets(
    text: string,
    options?: { readonly addSpecialTokens?: boolean; readonly pair?: string | undefined },
  ): Encoding;
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
  const parts = readParts(tokenizerJson);

  const idToToken: (string | undefined)[] = [];
  for (const [token, id] of parts.model.vocabulary) idToToken[id] = token;
  for (const { content, id } of parts.addedTokens) idToToken[id] = content;
  const added = new Map(parts.addedTokens.map(({ content, id }) => [content, id]));
  const addedIds = new Set(added.values());
  const tokenToId = (token: string) => added.get(token) ?? parts.model.vocabulary.get(token);
  const tokenAt = ({ id, start, end }: TokenPlace, text: string) =>
    addedIds.has(id) ? text.slice(start, end) : (idToToken[id] ?? "");
  const specialTokens = readSpecialTokens(config, specialTokensMap);
  const namedToken = (name: string): number | undefined => {
    const content = specialTokens.get(name);
    return content === undefined ? undefined : tokenToId(content);
  };
  const templates = readChatTemplates(files, config.chat_template);
  const specialTokenIds = new Set(
    parts.addedTokens.filter((token) => token.special).map((token) => token.id),
  );
  const { encoder, postProcessor, decode } = parts;
  const [prefix, suffix] = idsAround(postProcessor);
  const unknownToken = parts.model.unknownToken;

  const tokenizer: Omit<Tokenizer, "chat"> = {
    vocabularySize: idToToken.length,
    bosTokenId: namedToken("bos_token"),
    eosTokenId: namedToken("eos_token"),
    padTokenId: namedToken("pad_token"),
    unkTokenId: namedToken("unk_token") ?? (unknownToken === undefined ? undefined : tokenToId(unknownToken)),
    specialTokenIds,
    files,
    encode(text, { addSpecialTokens = true } = {}) {
      const ids = encoder.encode(text);
      return addSpecialTokens && prefix.length + suffix.length > 0 ? [...prefix, ...ids, ...suffix] : ids;
    },
    encodeWithOffsets(text, { addSpecialTokens = true, pair } = {}) {
      const texts = pair === undefined ? [text] : [text, pair];
      return encodeTexts(texts, { encoder, postProcessor, addSpecialTokens, tokenAt });
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const tokens: string[] = [];
      for (let index = 0; index < ids.length; index++) {
        const id = ids[index] as number;
        const token = idToToken[id];
        if (token !== undefined && !(skipSpecialTokens && specialTokenIds.has(id))) tokens.push(token);
      }
      return tokens.length === 0 ? "" : decode(tokens);
    },
    tokenToId,
    idToToken: (id) => idToToken[id],
  };
  const template = templates && createChatTemplate(templates, specialTokens);
  return { ...tokenizer, chat: template && createChat(template, tokenizer) };
}

interface TokenizerParts {
  readonly addedTokens: readonly AddedToken[];
  readonly model: TokenModel;
  readonly encoder: Encoder;
  readonly postProcessor: PostProcessor;
  readonly decode: (tokens: readonly string[]) => string;
}

function readParts(json: Json): TokenizerParts {
  try {
    if (!isObject(json.model)) throw new Error("the file has no model");
    const part = <T>(value: unknown, create: (json: Json) => T): T | undefined =>
      isObject(value) ? create(value) : undefined;
    const model = createModel(json.model as ModelJson);
    const addedTokens = readAddedTokens(json.added_tokens);
    const encoder = createEncoder({
      addedTokens,
      normalize: part(json.normalizer, createNormalizer),
      preTokenize: part(json.pre_tokenizer, createPreTokenizer),
      model,
    });
    const postProcessor = createPostProcessor(json.post_processor as Json | null | undefined);
    return { addedTokens, model, encoder, postProcessor, decode: createDecoder(json.decoder, addedTokens) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TokenizerError(`tokenizer.json cannot be used: ${reason}`, { cause });
  }
}

/** What the template puts before and after a single text. */
function idsAround({ single }: PostProcessor): [readonly number[], readonly number[]] {
  const place = single.findIndex((part) => "sequence" in part);
  const ids = (parts: PostProcessor["single"]) => parts.flatMap((part) => ("ids" in part ? part.ids : []));
  return [ids(single.slice(0, place)), ids(single.slice(place + 1))];
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
  if (!isObject(value)) throw new TokenizerError(`${name} holds no JSON object`);
  return value;
}
