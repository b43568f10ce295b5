import { createRequire } from "node:module";
import { ConfigError, createRegistry, float32 } from "@alignkit/core";
import type * as tfjsCore from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { createTfjsBackend, parseOptions } from "./backend.js";
import { tfjs } from "./plugin.js";

it("takes an engine by name, threads of one, and nothing else", () => {
  expect(parseOptions({ provider: "wasm", threads: 2 })).toEqual({ provider: "wasm", threads: 2 });
  const wrong = { provider: "metal", threads: 2, device: 0 };
  expect(() => parseOptions(wrong)).toThrow(ConfigError);
  expect(() => parseOptions(wrong)).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: tfjs backend: provider is "metal"; give one of node, node-gpu, wasm, webgpu, cpu; threads is an option of the provider wasm alone; device is not an option of the tfjs backend]`,
  );
  expect(() => parseOptions({ provider: "wasm", threads: 0.5 })).toThrowErrorMatchingInlineSnapshot(
    `[ConfigError: tfjs backend: threads is 0.5; give a whole number of at least 1]`,
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
  const backend = await createTfjsBackend({ provider: "wasm", threads: 3 });
  expect(backend.runtime).toMatchObject({ name: "TensorFlow.js", device: "WebAssembly", threads: 3 });
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
