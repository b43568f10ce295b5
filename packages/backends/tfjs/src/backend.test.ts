import { createRequire } from "node:module";
import { ConfigError, createRegistry, float32 } from "@alignkit/core";
import type * as tfjsCore from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { createTfjsBackend, parseOptions } from "./backend.js";
import { tfjs } from "./plugin.js";

it("takes an engine by name and nothing else", () => {
  expect(parseOptions({ provider: "wasm" })).toEqual({ provider: "wasm" });
  expect(() => parseOptions({ provider: "metal", threads: 2 })).toThrow(ConfigError);
  expect(() => parseOptions({ provider: "metal", threads: 2 })).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: tfjs backend: provider is "metal"; give one of node, node-gpu, wasm, webgpu, cpu; threads is not an option of the tfjs backend]`,
  );
});

it("comes as a plugin", async () => {
  const registry = createRegistry([tfjs()]);
  expect([...registry.backends.keys()]).toEqual(["tfjs"]);
});

it("says how to install an engine that is absent, and takes no other", async () => {
  await expect(createTfjsBackend({ provider: "node-gpu" })).rejects.toThrow(
    "tfjs:node-gpu: @tensorflow/tfjs-node-gpu not installed; run: npm install @tensorflow/tfjs-node-gpu@4. Installed here: tfjs:",
  );
});

it("says what computes, and on how many threads", async () => {
  const backend = await createTfjsBackend({ provider: "wasm" });
  expect(backend.runtime).toMatchObject({ name: "TensorFlow.js", device: "WebAssembly", threads: 1 });
});

it("refuses a second engine, and one that has been switched", async () => {
  const backend = await createTfjsBackend({ provider: "wasm" });
  await expect(createTfjsBackend({ provider: "cpu" })).rejects.toThrow(
    "tfjs:cpu: this process runs tfjs:wasm, and tfjs has one engine a process; use a process for each",
  );
  // As an application might that uses tfjs itself, from the copy that the backend runs on.
  const require = createRequire(import.meta.url);
  require("@tensorflow/tfjs-backend-cpu");
  const tf: typeof tfjsCore = require("@tensorflow/tfjs-core");
  await tf.setBackend("cpu");
  await expect(backend.upload(float32([1], [1]))).rejects.toThrow("tfjs:wasm: this process runs tfjs:cpu,");
  await expect(createTfjsBackend({ provider: "wasm" })).rejects.toThrow(
    "tfjs:wasm: this process runs tfjs:cpu,",
  );
  await tf.setBackend("wasm");
  expect((await (await backend.upload(float32([1], [1]))).read()).data).toEqual(Float32Array.of(1));
});
