import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { policyArtifact, rewardModelArtifact } from "./artifacts.js";

const fixture = (name: string) => join(import.meta.dirname, "../fixtures/models", name);

describe("artifacts", () => {
  it("are model directories with the head that the key asks for", async () => {
    expect(await policyArtifact.load(fixture("gpt2"))).toEqual({ directory: fixture("gpt2") });
    expect(await rewardModelArtifact.load(fixture("scalar"))).toEqual({ directory: fixture("scalar") });
  });

  it("refuse a directory with the other head, and one that holds no model", async () => {
    await expect(policyArtifact.load(fixture("scalar"))).rejects.toThrow(
      "holds a model with a scalar head where a language model is needed",
    );
    await expect(rewardModelArtifact.load(fixture("llama"))).rejects.toThrow(
      "holds a model with a language_model head where a reward model is needed",
    );
    await expect(policyArtifact.load(import.meta.dirname)).rejects.toThrow("config.json: not found");
  });

  it("refuse a model whose padding ends a text, and take one without padding, as GPT-2 is", async () => {
    const directory = await mkdtemp(join(tmpdir(), "alignkit-padding-"));
    const source = JSON.parse(await readFile(join(fixture("gpt2"), "config.json"), "utf8"));
    const load = async (ids: object) => {
      await writeFile(join(directory, "config.json"), JSON.stringify({ ...source, ...ids }));
      return policyArtifact.load(directory);
    };
    await expect(load({ pad_token_id: 0, eos_token_id: 0 })).rejects.toThrow(
      "config.json: 0 is both pad_token_id and an eos_token_id, so that the end of a text looks like padding; set pad_token_id to null",
    );
    await expect(load({ pad_token_id: 5, eos_token_id: [3, 5] })).rejects.toThrow("5 is both pad_token_id");
    expect(await load({ pad_token_id: null, bos_token_id: 0, eos_token_id: 0 })).toEqual({ directory });
    await rm(directory, { recursive: true });
  });
});
