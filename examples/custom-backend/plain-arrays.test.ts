/** Every op, value and gradient, against the reference; and the rules of the contract. */
import { describeBackend } from "@alignkit/core/conformance/vitest";
import { plainArrayBackend } from "./plain-arrays.js";

describeBackend("plain-arrays", plainArrayBackend, {
  // Names of cases that are known to fail would stand here; they run all the same, and one that passes is an error.
  expectedFailures: [],
});
