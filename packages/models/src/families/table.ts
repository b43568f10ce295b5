import type { FamilyDefinition } from "./family.js";
import { gpt2 } from "./gpt2.js";
import { llama } from "./llama.js";

const families: readonly FamilyDefinition[] = [gpt2, llama];

/** The families that can be loaded, by `model_type`. */
export const familyNames: readonly string[] = families.map((family) => family.name);

/** The family of a `model_type`, or undefined. */
export function findFamily(name: string): FamilyDefinition | undefined {
  return families.find((family) => family.name === name);
}
