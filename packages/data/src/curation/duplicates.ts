import { hash } from "node:crypto";

/**
 * Tells prompts that share a long common prefix, in the order in which they come: of those with the same first
 * `prefixLength` characters (UTF-16 units) the first is kept. A shorter prompt is a duplicate of an equal one only.
 *
 * That two prompts share at least n characters is the same as that their first n are equal, so that one look at a table
 * decides. Of a prompt a digest of 27 characters is kept, however long it is.
 *
 * @see Ouyang et al. 2022, section 3.2: "heuristically deduplicate prompts by checking for prompts that share a long
 * common prefix"; how long is not said
 */
export interface DuplicateFinder {
  /** @returns the number of the earlier prompt that this one repeats; undefined for the first of its kind */
  add(prompt: string, number: number): number | undefined;
}

/** @param prefixLength - characters that two prompts must share to be taken for one */
export function createDuplicateFinder(prefixLength: number): DuplicateFinder {
  if (!(Number.isSafeInteger(prefixLength) && prefixLength > 0)) {
    throw new RangeError(`createDuplicateFinder: prefixLength ${prefixLength} is not a positive integer`);
  }
  const numbers = new Map<string, number>();
  return {
    add(prompt, number) {
      const key = digest(prompt.slice(0, prefixLength));
      const earlier = numbers.get(key);
      if (earlier === undefined) numbers.set(key, number);
      return earlier;
    },
  };
}

/** As UTF-16, because a prefix may end within a pair of surrogates. */
function digest(text: string): string {
  return hash("sha1", Buffer.from(text, "utf16le"), "base64url");
}
