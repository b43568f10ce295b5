/** Where a tokenizer's files keep chat templates. */
import { TokenizerError } from "../errors.js";

/** The file of newer directories; it comes before `chat_template` in `tokenizer_config.json`. */
export const chatTemplateFile = "chat_template.jinja";

/** Further ones are in files of this folder, called by their names. */
export const additionalTemplatesFolder = "additional_chat_templates";
const additionalTemplate = new RegExp(`^${additionalTemplatesFolder}/(.+)[.]jinja$`);

/**
 * Jinja texts by name: of `chat_template.jinja` and `additional_chat_templates`, else `chat_template` of
 * `tokenizer_config.json`, which is one text or a list of `{name, template}`. A single text is named `default`.
 * @throws {TokenizerError} when `chat_template` is neither
 */
export function readChatTemplates(
  files: ReadonlyMap<string, Uint8Array>,
  inConfig: unknown,
): ReadonlyMap<string, string> | undefined {
  const named = new Map<string, string>();
  if (typeof inConfig === "string") named.set("default", inConfig);
  else if (Array.isArray(inConfig)) {
    for (const [index, entry] of inConfig.entries()) {
      const { name, template } = (entry ?? {}) as Readonly<Record<string, unknown>>;
      if (typeof name !== "string" || typeof template !== "string") {
        throw new TokenizerError(
          `tokenizer_config.json: chat_template[${index}] needs "name" and "template", both strings`,
        );
      }
      named.set(name, template);
    }
  } else if (inConfig !== undefined && inConfig !== null) {
    throw new TokenizerError(
      `tokenizer_config.json: chat_template is ${JSON.stringify(inConfig).slice(0, 40)}; give a string or a list of {"name", "template"}`,
    );
  }
  const file = files.get(chatTemplateFile);
  if (file !== undefined) named.set("default", new TextDecoder().decode(file));
  for (const [path, contents] of files) {
    const name = additionalTemplate.exec(path)?.[1];
    if (name !== undefined) named.set(name, new TextDecoder().decode(contents));
  }
  return named.size === 0 ? undefined : named;
}
