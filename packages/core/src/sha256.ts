import type { Hash } from "node:crypto";

/** A hash to be fed. Node's cryptography takes 4 ms to load, so that a mere import of the package does without. */
export function createSha256(): Hash {
  return process.getBuiltinModule("node:crypto").createHash("sha256");
}
