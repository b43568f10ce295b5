/** Tokenizer directories, as Hugging Face models carry them beside their weights. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { additionalTemplatesFolder } from "./chat/read-templates.js";
import { TokenizerError } from "./errors.js";
import { createTokenizer, type Tokenizer, type TokenizerFiles } from "./tokenizer.js";

/** Every file that may belong to a tokenizer; what is there is kept and written back unchanged. */
const fileNames = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "vocab.json",
  "merges.txt",
  "vocab.txt",
  "tokenizer.model",
] as const;

/**
 * Reads the tokenizer of a model directory.
 * @throws {TokenizerError} when `tokenizer.json` is missing or cannot be used
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const files = new Map<string, Uint8Array>();
  for (const name of [...fileNames, ...(await additionalTemplates(directory))]) {
    const bytes = await readIfPresent(join(directory, name));
    if (bytes !== undefined) files.set(name, bytes);
  }
  if (!files.has("tokenizer.json")) {
    throw new TokenizerError(
      `${directory}: no tokenizer.json here; a tokenizer directory holds tokenizer.json and usually tokenizer_config.json`,
      { details: { directory, found: [...files.keys()] } },
    );
  }
  return tokenizerOf(files, directory) as Tokenizer;
}

/**
 * The tokenizer of files that were read from `directory`; undefined without a `tokenizer.json`, where only ids are used.
 * @throws {TokenizerError} naming the directory, when `tokenizer.json` cannot be used
 */
export function tokenizerOf(files: TokenizerFiles, directory: string): Tokenizer | undefined {
  if (!files.has("tokenizer.json")) return undefined;
  try {
    return createTokenizer(files);
  } catch (cause) {
    if (!(cause instanceof TokenizerError)) throw cause;
    throw new TokenizerError(`${directory}: ${cause.message}`, { cause, details: { directory } });
  }
}

/** Writes the tokenizer's files, byte for byte as they were read or trained, into `directory`. */
export async function saveTokenizer(
  tokenizer: { readonly files: TokenizerFiles },
  directory: string,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of tokenizer.files) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
}

async function additionalTemplates(directory: string): Promise<readonly string[]> {
  const names = await readdir(join(directory, additionalTemplatesFolder)).catch(() => []);
  const templates = names.filter((name) => name.endsWith(".jinja")).sort();
  return templates.map((name) => `${additionalTemplatesFolder}/${name}`);
}

async function readIfPresent(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TokenizerError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
