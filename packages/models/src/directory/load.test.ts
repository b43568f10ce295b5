import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ParameterValue } from "../initialize.js";
import { parameterShapes } from "../parameters.js";
import { readModelDirectory } from "./load.js";
import { readModelConfig, readTokenizerFiles } from "./open.js";
import type { SafetensorsTensor } from "./safetensors-dtypes.js";
import { readSafetensors } from "./safetensors-reader.js";
import { writeSafetensors } from "./safetensors-writer.js";

const fixtures = join(import.meta.dirname, "../../fixtures/models");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "alignkit-load-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A directory with the config of a fixture and these tensors. */
async function directoryWith(
  name: string,
  family: string,
  change: (tensors: Map<string, SafetensorsTensor>) => void,
  changeConfig: (config: Record<string, unknown>) => void = () => {},
): Promise<string> {
  const directory = join(folder, name);
  await mkdir(directory);
  const config = JSON.parse(readFileSync(join(fixtures, family, "config.json"), "utf8")) as Record<
    string,
    unknown
  >;
  changeConfig(config);
  await writeFile(join(directory, "config.json"), JSON.stringify(config));
  const tensors = new Map((await readSafetensors(join(fixtures, family, "model.safetensors"))).tensors);
  change(tensors);
  await writeSafetensors(join(directory, "model.safetensors"), tensors);
  return directory;
}

const values = (data: Float32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** Names, shapes and the exact bits of values, as one text per parameter: quicker to compare than arrays. */
function fingerprints(parameters: ReadonlyMap<string, ParameterValue>): readonly string[] {
  return [...parameters].map(([name, { shape, data }]) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return `${name} [${shape}] ${createHash("sha256").update(bytes).digest("hex")}`;
  });
}

describe("readModelDirectory", () => {
  it.each([
    ["gpt2", "language_model"],
    ["llama", "language_model"],
    ["scalar", "scalar"],
  ] as const)("reads %s: every tensor of the file, in the order of the parameters", async (name, head) => {
    const model = await readModelDirectory(join(fixtures, name));
    const { tensors } = await readSafetensors(join(fixtures, name, "model.safetensors"));
    expect(model.head).toBe(head);
    expect(model.dtypeOnDisk).toBe("F32");
    const shapes = [...model.parameters].map(([parameter, { shape }]) => [parameter, shape]);
    expect(shapes).toEqual([...parameterShapes(model.config, head)]);
    expect(model.parameters.size).toBe(tensors.size);
    for (const [parameter, { data }] of model.parameters) {
      expect(values(data).equals(values(tensors.get(parameter)!.data as Float32Array))).toBe(true);
    }
  });

  it.each([
    ["gpt2", { eos_token_id: 0, pad_token_id: 1 }],
    ["gpt_neox", { eos_token_id: 2, pad_token_id: 0 }],
  ])(
    "reads %s as first uploaded, with buffers and maybe no prefix, to the same parameters",
    async (name, tokens) => {
      const original = await readModelDirectory(join(fixtures, name, "hub_layout"));
      const model = await readModelDirectory(join(fixtures, name));
      expect(fingerprints(original.parameters)).toEqual(fingerprints(model.parameters));
      expect(original.generationConfig).toBeNull();
      expect(model.generationConfig).toMatchObject(tokens);
    },
  );

  it("takes a scalar head from the weights when config.json does not say", async () => {
    const directory = await directoryWith(
      "undeclared",
      "scalar",
      () => {},
      (config) => {
        delete config.architectures;
      },
    );
    expect((await readModelDirectory(directory)).head).toBe("scalar");
  });

  it("converts 16-bit and 64-bit weights and says what they were", async () => {
    const directory = await directoryWith("mixed", "gpt2", (tensors) => {
      const wpe = tensors.get("transformer.wpe.weight")!;
      tensors.set("transformer.wpe.weight", { ...wpe, dtype: "BF16" } as SafetensorsTensor);
      const bias = tensors.get("transformer.ln_f.bias")!;
      const data = Float64Array.from({ length: 48 }, (_, index) => index / 10);
      tensors.set("transformer.ln_f.bias", { dtype: "F64", shape: bias.shape, data });
    });
    const model = await readModelDirectory(directory);
    expect(model.dtypeOnDisk).toBe("mixed");
    expect(model.parameters.get("transformer.ln_f.bias")!.data[1]).toBe(Math.fround(0.1));
    const original = (await readModelDirectory(join(fixtures, "gpt2"))).parameters.get(
      "transformer.wpe.weight",
    )!.data;
    const rounded = model.parameters.get("transformer.wpe.weight")!.data;
    // bfloat16 has 8 significant bits: half a unit of the last is at most 2^-8 of the value.
    expect(
      rounded.every(
        (value, index) => Math.abs(value - original[index]!) <= Math.abs(original[index]!) * 2 ** -8,
      ),
    ).toBe(true);
    expect(rounded).not.toEqual(original);
  });

  it("names every tensor that does not fit, with file and both shapes", async () => {
    const directory = await directoryWith("misfit", "gpt2", (tensors) => {
      tensors.delete("transformer.h.1.ln_2.bias");
      tensors.set("transformer.wpe.weight", { dtype: "F32", shape: [1, 48], data: new Float32Array(48) });
      tensors.set("transformer.h.2.ln_1.bias", { dtype: "F32", shape: [48], data: new Float32Array(48) });
      tensors.set("transformer.ln_f.bias", { dtype: "I32", shape: [48], data: new Int32Array(48) });
      tensors.set("ln_f.weight", { dtype: "F32", shape: [48], data: new Float32Array(48) });
    });
    await expect(readModelDirectory(directory)).rejects.toThrow(
      `${directory}: the weights do not fit config.json (gpt2, language_model head); take both from the same model: unexpected transformer.h.2.ln_1.bias [48] in model.safetensors; transformer.ln_f.weight is there twice, as ln_f.weight and as transformer.ln_f.weight in model.safetensors; transformer.wpe.weight in model.safetensors has shape [1, 48], config.json asks for [64, 48]; transformer.ln_f.bias in model.safetensors is I32, not a floating-point tensor; missing transformer.h.1.ln_2.bias [48]`,
    );
  });

  it("names the first weight that is not a number", async () => {
    const directory = await directoryWith("broken", "gpt2", (tensors) => {
      const bias = tensors.get("transformer.ln_f.bias")!;
      const data = Float32Array.from(bias.data as Float32Array);
      data[7] = Number.NaN;
      tensors.set("transformer.ln_f.bias", { dtype: "F32", shape: bias.shape, data });
    });
    await expect(readModelDirectory(directory)).rejects.toThrow(
      `${directory}/model.safetensors: transformer.ln_f.bias: element 7 of 48 is NaN; the training that made these weights diverged`,
    );
  });

  it("accepts the head of a tied model when it equals the embedding, and refuses it when not", async () => {
    const tied = await directoryWith("tied", "gpt2", (tensors) => {
      tensors.set("lm_head.weight", tensors.get("transformer.wte.weight")!);
    });
    expect((await readModelDirectory(tied)).parameters.has("lm_head.weight")).toBe(false);
    const untied = await directoryWith("untied", "gpt2", (tensors) => {
      const data = Float32Array.from(tensors.get("transformer.wte.weight")!.data as Float32Array);
      data[15_359] = 1;
      tensors.set("lm_head.weight", { dtype: "F32", shape: [320, 48], data });
    });
    await expect(readModelDirectory(untied)).rejects.toThrow(
      `${untied}/model.safetensors: lm_head.weight differs from transformer.wte.weight, but config.json ties them`,
    );
  });

  it("names a file that is missing or damaged", async () => {
    const directory = join(folder, "damaged");
    await mkdir(directory);
    await expect(readModelDirectory(directory)).rejects.toThrow(
      `${join(directory, "config.json")}: not found`,
    );
    await writeFile(join(directory, "config.json"), "{");
    await expect(readModelConfig(directory)).rejects.toThrow(
      `${join(directory, "config.json")}: is not valid JSON`,
    );
    await cp(join(fixtures, "gpt2/config.json"), join(directory, "config.json"), { force: true });
    await expect(readModelDirectory(directory)).rejects.toThrow(
      `${directory}: neither model.safetensors nor model.safetensors.index.json is there`,
    );
    await writeFile(join(directory, "model.safetensors"), "version https://git-lfs.github.com/spec/v1\n");
    await expect(readModelDirectory(directory)).rejects.toThrow("this looks like a Git LFS pointer");
  });

  it("refuses an index that points outside, to nothing, or names a tensor that is not there", async () => {
    const directory = join(folder, "index");
    await cp(join(fixtures, "gpt2/config.json"), join(directory, "config.json"));
    await symlink(join(fixtures, "gpt2/model.safetensors"), join(directory, "part.safetensors"));
    const path = join(directory, "model.safetensors.index.json");
    const refusal = async (weightMap: unknown) => {
      await writeFile(path, JSON.stringify({ weight_map: weightMap }));
      return readModelDirectory(directory).then(
        () => expect.fail("it was read"),
        (error: Error) => error.message.replaceAll(directory, "."),
      );
    };
    expect([
      await refusal(undefined),
      await refusal({ a: "../part.safetensors" }),
      await refusal({ a: 1 }),
      await refusal({ a: "none.safetensors" }),
      await refusal({ "transformer.wte.weight": "part.safetensors", a: "part.safetensors" }),
    ]).toMatchInlineSnapshot(`
      [
        "./model.safetensors.index.json: "weight_map" must be an object from tensor to file",
        "./model.safetensors.index.json: a is said to be in "../part.safetensors", which is no safetensors file here; fetch the index again",
        "./model.safetensors.index.json: a is said to be in 1, which is no safetensors file here; fetch the index again",
        "./none.safetensors: cannot be opened: ENOENT: no such file or directory, open './none.safetensors'",
        "./model.safetensors.index.json: says that a is in part.safetensors, but it is not; fetch both files again",
      ]
    `);
  });
});

describe("readTokenizerFiles", () => {
  it("reads those that are there", async () => {
    const directory = join(folder, "tokenizer");
    await mkdir(directory);
    await writeFile(join(directory, "tokenizer.json"), "{}");
    await writeFile(join(directory, "config.json"), "{}");
    expect(await readTokenizerFiles(directory)).toEqual(new Map([["tokenizer.json", Buffer.from("{}")]]));
  });
});
