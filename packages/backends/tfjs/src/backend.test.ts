import { ConfigError, createRegistry, float32 } from "@alignkit/core";
import { expect, it } from "vitest";
import { createTfjsBackend, parseOptions } from "./backend.js";
import { loadEngine } from "./load-engine.js";
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

it("refuses to go on when another engine has taken its place", async () => {
  const backend = await createTfjsBackend({ provider: "wasm" });
  const { tf } = await loadEngine("cpu");
  await expect(backend.upload(float32([1], [1]))).rejects.toThrow(
    'tfjs:wasm: tfjs now runs "cpu" in this process, and it has one engine at a time; use a process for each',
  );
  await tf.setBackend("wasm");
  expect((await (await backend.upload(float32([1], [1]))).read()).data).toEqual(Float32Array.of(1));
});
