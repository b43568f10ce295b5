import { describeBackend } from "@alignkit/core/conformance/vitest";
import { describe, it } from "vitest";
import { createTfjsBackend } from "./backend.js";
import { nodeMissing } from "./fixtures/node-missing.js";

if (nodeMissing === undefined) {
  describeBackend("tfjs:node", () => createTfjsBackend({ provider: "node" }));
} else {
  describe("tfjs:node: conformance", () => {
    it.skip(`skipped: ${nodeMissing}`, () => {});
  });
}
