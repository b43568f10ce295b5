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
});
