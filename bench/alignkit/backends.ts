/** Backends that our side of the bench can run on. */
import { type Backend, createRegistry, type Plugin } from "@alignkit/core";
import { parseBackend } from "../../apps/cli/src/options/backend-option.js";

/** The plugin of a backend, by the name before the colon; only the one that is asked for is loaded. */
const plugins: Readonly<Record<string, () => Promise<Plugin>>> = {
  onnx: async () => (await import("@alignkit/backend-onnx")).onnx(),
  tfjs: async () => (await import("@alignkit/backend-tfjs")).tfjs(),
  jax: async () => (await import("alignkit-backend-jax")).plugin,
  reference: async () => (await import("../../apps/cli/src/reference-plugin.js")).reference(),
};

/** What is installed for a backend besides the core and the models. */
const packages: Readonly<Record<string, readonly string[]>> = {
  onnx: ["@alignkit/backend-onnx"],
  tfjs: ["@alignkit/backend-tfjs", "@tensorflow/tfjs-node"],
  "tfjs:node-gpu": ["@alignkit/backend-tfjs", "@tensorflow/tfjs-node-gpu"],
  "tfjs:wasm": ["@alignkit/backend-tfjs", "@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
  jax: ["alignkit-backend-jax"],
  "tfjs:cpu": ["@alignkit/backend-tfjs", "@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"],
};

/**
 * @param text - as after `--backend` of the command line: `onnx`, `tfjs:wasm`, `onnx,threads=1`
 * @throws {RangeError} when the bench does not know it
 */
export async function openBackend(text: string): Promise<Backend> {
  const { name, options } = parseBackend(text);
  const load = plugins[name];
  if (load === undefined) {
    throw new RangeError(
      `backend ${name} is unknown to the bench; known: ${Object.keys(plugins).join(", ")}`,
    );
  }
  return createRegistry([await load()])
    .backend(name)
    .create(options);
}

export function packagesOf(text: string): readonly string[] {
  const [named = ""] = text.split(",");
  return packages[named] ?? packages[parseBackend(text).name] ?? [];
}
