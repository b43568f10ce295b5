import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readChatTemplates } from "./chat/read-templates.js";
import { loadTokenizer, saveTokenizer, tokenizerOf } from "./directory.js";

const llama3 = new URL("../fixtures/bpe_llama3", import.meta.url).pathname;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alignkit-tokenizer-"));
});
afterEach(() => rm(directory, { recursive: true }));

it("writes the tokenizer's files unchanged, and no others", async () => {
  await saveTokenizer(await loadTokenizer(llama3), directory);
  const names = (await readdir(llama3)).filter((name) => name !== "cases.json").sort();
  expect((await readdir(directory)).sort()).toEqual(names);
  for (const name of names)
    expect(await readFile(join(directory, name))).toEqual(await readFile(join(llama3, name)));
});

it("reads and writes chat templates with names of their own", async () => {
  const { files } = await loadTokenizer(llama3);
  const template = new TextEncoder().encode("{{ messages[0].content }}");
  await saveTokenizer(
    { files: new Map([...files, ["additional_chat_templates/rag.jinja", template]]) },
    directory,
  );
  const read = await loadTokenizer(directory);
  expect(read.files.get("additional_chat_templates/rag.jinja")?.length).toBe(template.length);
  expect(readChatTemplates(read.files, undefined)?.get("rag")).toBe("{{ messages[0].content }}");
});

it("says what is missing", async () => {
  await expect(loadTokenizer(directory)).rejects.toMatchObject({
    code: "TOKENIZER_INVALID",
    message: `${directory}: no tokenizer.json here; a tokenizer directory holds tokenizer.json and usually tokenizer_config.json`,
  });
});

it("names the file that is not JSON", async () => {
  await writeFile(join(directory, "tokenizer.json"), "{");
  const message = `${directory}: tokenizer.json is not valid JSON`;
  await expect(loadTokenizer(directory)).rejects.toThrow(message);
  // As models are read: their tokenizer's files first, which may be none.
  const files = new Map([["tokenizer.json", new TextEncoder().encode("{")]]);
  expect(() => tokenizerOf(files, directory)).toThrow(message);
  expect(tokenizerOf(new Map(), directory)).toBeUndefined();
});

it("names what the library does not understand", async () => {
  const json = JSON.parse(await readFile(join(llama3, "tokenizer.json"), "utf8"));
  await writeFile(
    join(directory, "tokenizer.json"),
    JSON.stringify({ ...json, normalizer: { type: "Reverse" } }),
  );
  await expect(loadTokenizer(directory)).rejects.toThrow(
    `${directory}: tokenizer.json cannot be used: Unknown Normalizer type: Reverse`,
  );
});

it("marks its errors with the symbol of the other packages", async () => {
  const error = await loadTokenizer(directory).catch((caught: unknown) => caught);
  expect(Symbol.for("alignkit.error") in (error as object)).toBe(true);
});
