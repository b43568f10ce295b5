import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@alignkit/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createModelConfig } from "../config.js";
import { initializeParameters, type ParameterValue } from "../initialize.js";
import { readModelDirectory } from "./load.js";
import { readTokenizerFiles } from "./open.js";
import { readSafetensors } from "./safetensors-reader.js";
import { writeModelDirectory } from "./save.js";

const fixtures = join(import.meta.dirname, "../../fixtures/models");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-save-"));
});
afterAll(() => rm(folder, { recursive: true }));

const newModel = {
  config: createModelConfig({
    model_type: "gpt2",
    vocab_size: 7,
    n_positions: 5,
    n_embd: 6,
    n_layer: 1,
    n_head: 3,
  }),
  head: "language_model",
  generationConfig: null,
} as const;
const parameters = initializeParameters(newModel.config, "language_model", createRandom(3));

/** Names, shapes and the exact bits of values, as one text per parameter: quicker to compare than arrays. */
function fingerprints(parameters: ReadonlyMap<string, ParameterValue>): readonly string[] {
  return [...parameters].map(([name, { shape, data }]) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return `${name} [${shape}] ${createHash("sha256").update(bytes).digest("hex")}`;
  });
}

describe("writeModelDirectory", () => {
  it("writes chat templates with names of their own, which are read again", async () => {
    const directory = join(folder, "templates");
    const template = new TextEncoder().encode("tools");
    const files = new Map([["additional_chat_templates/tool_use.jinja", template]]);
    await writeModelDirectory(directory, { ...newModel, parameters }, { files });
    expect([...(await readTokenizerFiles(directory))]).toEqual([
      ["additional_chat_templates/tool_use.jinja", Buffer.from("tools")],
    ]);
    const outside = new Map([["additional_chat_templates/../../x.jinja", template]]);
    await expect(
      writeModelDirectory(join(folder, "outside"), { ...newModel, parameters }, { files: outside }),
    ).rejects.toThrow("cannot be the name of a further file");
  });

  it.each([
    ["scalar", ["config.json", "model.safetensors"]] as const,
    ...["gpt2", "gpt_neox", "llama", "mistral", "mistral_window", "qwen2", "qwen3"].map(
      (name) => [name, ["config.json", "generation_config.json", "model.safetensors"]] as const,
    ),
  ])("writes %s as transformers did, byte for byte", async (name, files) => {
    const directory = join(folder, "same", name);
    await writeModelDirectory(directory, await readModelDirectory(join(fixtures, name)));
    expect((await readdir(directory)).sort()).toEqual(files);
    for (const file of files) {
      expect((await readFile(join(directory, file))).equals(await readFile(join(fixtures, name, file)))).toBe(
        true,
      );
    }
  });

  it("splits weights into shards with an index, and reads them back", async () => {
    const model = await readModelDirectory(join(fixtures, "llama"));
    const directory = join(folder, "shards");
    await writeModelDirectory(directory, model, { maxShardSize: 200_000 });
    const index = JSON.parse(await readFile(join(directory, "model.safetensors.index.json"), "utf8"));
    // The file of 478,568 bytes without its header of 2,144 and 8 bytes of length: 476,416 bytes, 119,104 floats.
    expect(index.metadata).toEqual({ total_parameters: 119_104, total_size: 476_416 });
    expect([...new Set(Object.values(index.weight_map))]).toEqual([
      "model-00003-of-00003.safetensors",
      "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors",
    ]);
    for (const [tensor, file] of Object.entries(index.weight_map as Record<string, string>)) {
      expect((await readSafetensors(join(directory, file))).tensors.has(tensor)).toBe(true);
    }
    expect(fingerprints((await readModelDirectory(directory)).parameters)).toEqual(
      fingerprints(model.parameters),
    );
  });

  it("writes 16-bit weights and says so in config.json", async () => {
    const directory = join(folder, "bfloat16");
    await writeModelDirectory(directory, { ...newModel, parameters }, { dtype: "BF16" });
    const model = await readModelDirectory(directory);
    expect(model.dtypeOnDisk).toBe("BF16");
    expect(model.config.source.dtype).toBe("bfloat16");
  });

  it("writes the tokenizer's files and the special tokens for generation", async () => {
    const directory = join(folder, "new");
    const config = { ...newModel.config, bosTokenId: 0, eosTokenIds: [1, 2], padTokenId: 6 };
    const files = new Map<string, Uint8Array | string>([
      ["tokenizer.json", '{"é":1}'],
      ["merges.txt", Uint8Array.of(1, 2)],
    ]);
    await writeModelDirectory(directory, { ...newModel, config, parameters }, { files });
    expect(await readFile(join(directory, "tokenizer.json"), "utf8")).toBe('{"é":1}');
    expect([...(await readFile(join(directory, "merges.txt")))]).toEqual([1, 2]);
    const model = await readModelDirectory(directory);
    expect(model.generationConfig).toEqual({
      _from_model_config: true,
      bos_token_id: 0,
      eos_token_id: [1, 2],
      pad_token_id: 6,
    });
    expect(model.config).toEqual({ ...config, source: model.config.source });
    expect(model.parameters).toEqual(parameters);
  });

  it("does not touch a directory that holds something, unless told to", async () => {
    const directory = join(folder, "taken");
    await mkdir(directory);
    await writeModelDirectory(directory, { ...newModel, parameters });
    await writeFile(join(directory, "notes.txt"), "");
    await expect(writeModelDirectory(directory, { ...newModel, parameters })).rejects.toThrow(
      `${directory}: is not empty`,
    );
    await writeModelDirectory(directory, { ...newModel, parameters }, { overwrite: true });
    expect((await readdir(directory)).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
    ]);
    expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("leaves the old model and no remains when writing fails", async () => {
    const directory = join(folder, "failing");
    await writeModelDirectory(directory, { ...newModel, parameters });
    const broken = new Map(parameters).set("transformer.wte.weight", {
      shape: [7, 6],
      data: new Float32Array(41),
    });
    await expect(
      writeModelDirectory(directory, { ...newModel, parameters: broken }, { overwrite: true }),
    ).rejects.toThrow("shape [7, 6] has 42 values, but its data has 41");
    expect((await readModelDirectory(directory)).parameters).toEqual(parameters);
    expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  it("refuses parameters that are not the config's, all named at once", async () => {
    const wrong = new Map(parameters).set("extra", { shape: [1], data: new Float32Array(1) });
    wrong.delete("transformer.wpe.weight");
    wrong.set("transformer.ln_f.bias", { shape: [2, 3], data: new Float32Array(6) });
    await expect(
      writeModelDirectory(join(folder, "wrong"), { ...newModel, parameters: wrong }),
    ).rejects.toThrow(
      `${join(folder, "wrong")}: the parameters do not fit the config (gpt2, language_model head): unexpected extra; missing transformer.wpe.weight [5, 6]; transformer.ln_f.bias has shape [2, 3], the config asks for [6]`,
    );
  });

  it.each(["config.json", "../up", "", ".."])("refuses a further file called %j", async (name) => {
    const files = new Map([[name, "x"]]);
    await expect(
      writeModelDirectory(join(folder, "files"), { ...newModel, parameters }, { files }),
    ).rejects.toThrow("cannot be the name of a further file");
  });
});
