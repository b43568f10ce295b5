/** Backends that our side of the bench can run on. */
import { type Backend, createRegistry, loadPlugin } from "@alignkit/core";
import { parseBackend } from "../../apps/cli/src/options/backend-option.js";

/** Where the plugin of a backend is, by the name before the colon. */
const plugins: Readonly<Record<string, string>> = {
  onnx: "@alignkit/backend-onnx#onnx",
  tfjs: "@alignkit/backend-tfjs#tfjs",
  jax: "alignkit-backend-jax",
  reference: "../../apps/cli/src/reference-plugin.ts#reference",
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
  const plugin = plugins[name];
  if (plugin === undefined) {
    throw new RangeError(
      `backend ${name} is unknown to the bench; known: ${Object.keys(plugins).join(", ")}`,
    );
  }
  return createRegistry([await loadPlugin(plugin, import.meta.dirname)])
    .backend(name)
    .create(options);
}

export function packagesOf(text: string): readonly string[] {
  const [named = ""] = text.split(",");
  return packages[named] ?? packages[parseBackend(text).name] ?? [];
}
