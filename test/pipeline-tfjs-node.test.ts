/** All stages on tfjs:node, which is TensorFlow, with the seed of the ONNX backend: the same steps. */
import { createTfjsBackend } from "@alignkit/backend-tfjs";
import { it } from "vitest";
import { createPipelineFiles, expectSameSteps, runOn, runOnOnnx } from "./pipeline-on-backends.js";

const backend = await createTfjsBackend({ provider: "node" }).catch((error: Error) => error);

if (backend instanceof Error) {
  it.skip(`skipped: ${backend.message}`, () => {});
} else {
  it("sft, reward and ppo take the steps that they take on ONNX Runtime", { timeout: 300_000 }, async () => {
    const { root, remove } = await createPipelineFiles();
    expectSameSteps(await runOn(backend, root), await runOnOnnx(root), 1e-4);
    await remove();
  });
}
