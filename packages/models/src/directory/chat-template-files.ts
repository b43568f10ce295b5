/**
 * A chat template in both places where programs look for it: `chat_template.jinja` (transformers since 4.43, vLLM) and
 * `chat_template` in `tokenizer_config.json` (older transformers, llama.cpp's converter).
 */
import { formatConfigJson } from "./config-json.js";

const templateFile = "chat_template.jinja";
const tokenizerConfigFile = "tokenizer_config.json";
const defaultName = "default";

type Files = ReadonlyMap<string, Uint8Array | string>;
type Json = Readonly<Record<string, unknown>>;

/** The file counts where the two differ. Files without a template, or without a tokenizer config, stay as they are. */
export function withChatTemplateInBothPlaces(files: Files): Files {
  const configFile = files.get(tokenizerConfigFile);
  if (configFile === undefined) return files;
  const config: unknown = JSON.parse(textOf(configFile));
  if (typeof config !== "object" || config === null || Array.isArray(config)) return files;
  const inConfig = (config as Json).chat_template;
  const inFile = files.get(templateFile);
  if (inFile === undefined) {
    const template = defaultOf(inConfig);
    return template === undefined ? files : new Map([...files, [templateFile, template]]);
  }
  const template = textOf(inFile);
  if (defaultOf(inConfig) === template) return files;
  const merged = { ...config, chat_template: withDefault(inConfig, template) };
  return new Map([...files, [tokenizerConfigFile, withWholeNumbers(formatConfigJson(merged))]]);
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
function defaultOf(inConfig: unknown): string | undefined {
  if (typeof inConfig === "string") return inConfig;
  const entry = entriesOf(inConfig).find(({ name }) => name === defaultName);
  return typeof entry?.template === "string" ? entry.template : undefined;
}

function withDefault(inConfig: unknown, template: string): unknown {
  const others = entriesOf(inConfig).filter(({ name }) => name !== defaultName);
  return others.length === 0 ? template : [{ name: defaultName, template }, ...others];
}

function entriesOf(inConfig: unknown): readonly Json[] {
  return Array.isArray(inConfig)
    ? inConfig.filter((entry) => typeof entry === "object" && entry !== null)
    : [];
}

function textOf(contents: Uint8Array | string): string {
  return typeof contents === "string" ? contents : new TextDecoder().decode(contents);
}
