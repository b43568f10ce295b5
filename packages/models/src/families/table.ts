import type { FamilyDefinition } from "./family.js";
import { gptNeox } from "./gpt-neox.js";
import { gpt2 } from "./gpt2.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";

const families: readonly FamilyDefinition[] = [gpt2, gptNeox, llama, mistral, qwen2, qwen3];

/** The families that can be loaded, by `model_type`. */
export const familyNames: readonly string[] = families.map((family) => family.name);

/** The family of a `model_type`, or undefined. */
export function findFamily(name: string): FamilyDefinition | undefined {
  return families.find((family) => family.name === name);
}
