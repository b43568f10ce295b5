import { describeBackend } from "@alignkit/core/conformance/vitest";
import { describe, it } from "vitest";
import { createOnnxBackend } from "./backend.js";

/** A provider that does not start is a reason to skip, said in the name of the test. */
const missing = await createOnnxBackend({ provider: "webgpu", threads: 1 }).then(
  async (backend) => {
    await backend.dispose();
    return undefined;
  },
  (error: Error) => error.message,
);

if (missing === undefined) {
  describeBackend("onnx:webgpu", () => createOnnxBackend({ provider: "webgpu", threads: 1 }));
} else {
  describe("onnx:webgpu: conformance", () => {
    it.skip(`skipped: ${missing}`, () => {});
  });
}
