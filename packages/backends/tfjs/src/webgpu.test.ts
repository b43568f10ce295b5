import { describeBackend } from "@alignkit/core/conformance/vitest";
import { describe, it } from "vitest";
import { createTfjsBackend } from "./backend.js";

/** An engine that does not start is a reason to skip, said in the name of the test. */
const missing = await createTfjsBackend({ provider: "webgpu" }).then(
  async (backend) => {
    await backend.dispose();
    return undefined;
  },
  (error: Error) => error.message,
);

if (missing === undefined) {
  describeBackend("tfjs:webgpu", () => createTfjsBackend({ provider: "webgpu" }));
} else {
  describe("tfjs:webgpu: conformance", () => {
    it.skip(`skipped: ${missing}`, () => {});
  });
}
