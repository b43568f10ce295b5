import { describeBackend } from "@alignkit/core/conformance/vitest";
import { describe, it } from "vitest";
import { createTfjsBackend } from "./backend.js";

/** An engine that does not start is a reason to skip, said in the name of the test. */
const missing = await createTfjsBackend({ provider: "node" }).then(
  () => undefined,
  (error: Error) => error.message,
);

if (missing === undefined) {
  describeBackend("tfjs:node", () => createTfjsBackend({ provider: "node" }));
} else {
  describe("tfjs:node: conformance", () => {
    it.skip(`skipped: ${missing}`, () => {});
  });
}
