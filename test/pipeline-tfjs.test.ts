/** All stages on tfjs:wasm with the seed of the ONNX backend: the same steps, and no tensor left over. */
import { createRequire } from "node:module";
import { createTfjsBackend } from "@alignkit/backend-tfjs";
import type * as tfjs from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { createPipelineFiles, expectSameSteps, runOn, runOnOnnx } from "./pipeline-on-backends.js";

// The copy that the backend runs on; an import might be another one.
const tf: typeof tfjs = createRequire(import.meta.url)("@tensorflow/tfjs-core");

it("sft, reward and ppo take the steps that they take on ONNX Runtime", { timeout: 300_000 }, async () => {
  const { root, remove } = await createPipelineFiles();
  const wanted = await runOnOnnx(root);
  const got = await runOn(await createTfjsBackend({ provider: "wasm" }), root);
  expectSameSteps(got, wanted, 1e-4);
  expect(tf.memory().numTensors).toBe(0);
  await remove();
});
