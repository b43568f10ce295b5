/**
 * Chat templates in both places where programs look for them: `chat_template.jinja` and `additional_chat_templates`
 * (transformers since 4.43, vLLM), and `chat_template` in `tokenizer_config.json` (older transformers, llama.cpp's
 * converter).
 */
import { formatConfigJson } from "./config-json.js";
import { additionalTemplatesFolder } from "./layout.js";

const templateFile = "chat_template.jinja";
const tokenizerConfigFile = "tokenizer_config.json";
const defaultName = "default";

type Files = ReadonlyMap<string, Uint8Array | string>;
type Json = Readonly<Record<string, unknown>>;

/** Whether a path within a directory is that of a chat template with a name of its own. */
export const isAdditionalTemplate = (path: string): boolean =>
  new RegExp(`^${additionalTemplatesFolder}/[^/\\\\]+[.]jinja$`).test(path);

const pathOf = (name: string): string =>
  name === defaultName ? templateFile : `${additionalTemplatesFolder}/${name}.jinja`;

/** The files count where the two differ. Files without a template, or without a tokenizer config, stay as they are. */
export function withChatTemplateInBothPlaces(files: Files): Files {
  const configFile = files.get(tokenizerConfigFile);
  if (configFile === undefined) return files;
  const config: unknown = JSON.parse(textOf(configFile));
  if (typeof config !== "object" || config === null || Array.isArray(config)) return files;
  const inConfig = templatesOf((config as Json).chat_template);
  const inFiles = new Map(
    [...files].flatMap(([path, contents]) => {
      const isTemplate = path === templateFile || isAdditionalTemplate(path);
      const name = path === templateFile ? defaultName : path.slice(path.indexOf("/") + 1, -".jinja".length);
      return isTemplate ? [[name, textOf(contents)] as const] : [];
    }),
  );
  const all = new Map([...inConfig, ...inFiles]);
  if (all.size === 0) return files;
  const added = [...all]
    .map(([name, text]) => [pathOf(name), text] as const)
    // A name that is no file name stays in the config alone.
    .filter(([path]) => !files.has(path) && (path === templateFile || isAdditionalTemplate(path)));
  const written = new Map([...files, ...added]);
  const isSame = [...all].every(([name, text]) => inConfig.get(name) === text);
  if (isSame) return written;
  const merged = { ...config, chat_template: toConfig(all) };
  return written.set(tokenizerConfigFile, withWholeNumbers(formatConfigJson(merged)));
}

/** Python writes "no limit" as `int(1e30)` in all its digits, JavaScript as a number that Python takes for a float. */
function withWholeNumbers(json: string): string {
  return json.replace(
    /(": )(\d(?:\.\d+)?e\+\d+)(,?)$/gm,
    (_, before: string, number: string, comma: string) => {
      return `${before}${BigInt(Number(number))}${comma}`;
    },
  );
}

/** `chat_template` is one text, or a list of them by name. */
function templatesOf(inConfig: unknown): ReadonlyMap<string, string> {
  if (typeof inConfig === "string") return new Map([[defaultName, inConfig]]);
  const entries: readonly unknown[] = Array.isArray(inConfig) ? inConfig : [];
  return new Map(
    entries.flatMap((entry) => {
      const { name, template } = (entry ?? {}) as Json;
      return typeof name === "string" && typeof template === "string" ? [[name, template] as const] : [];
    }),
  );
}

function toConfig(templates: ReadonlyMap<string, string>): string | readonly Json[] {
  const only = templates.size === 1 ? templates.get(defaultName) : undefined;
  return only ?? [...templates].map(([name, template]) => ({ name, template }));
}

function textOf(contents: Uint8Array | string): string {
  return typeof contents === "string" ? contents : new TextDecoder().decode(contents);
}
