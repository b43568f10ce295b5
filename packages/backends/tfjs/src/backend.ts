import { availableParallelism } from "node:os";
import {
  type Backend,
  type BackendFactory,
  ConfigError,
  type HostData,
  interpreterBackend,
} from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type EngineName, engineNames } from "./engines.js";
import { tfjsKernels } from "./kernels.js";
import { loadEngine } from "./load-engine.js";
import { createCompiledBackend } from "./tensorflow/compiled-backend.js";
import { wasmProducts } from "./wasm-products.js";
import { wasmOverwriteRows } from "./wasm-rows.js";

/** Helpers take memory, and what is not a product has one thread. */
const mostThreads = 8;

/** Which engine of TensorFlow.js computes. */
export interface TfjsBackendOptions {
  /** The engine; `node` unless given. One that is not there is an error, never another in its place. */
  readonly provider?: EngineName;
  /** Threads of a product, of `wasm` alone; as many as the processor runs at once unless given, at most {@link mostThreads}. */
  readonly threads?: number;
}

/**
 * An engine of TensorFlow.js as a backend: TensorFlow gets whole graphs, the others go op by op. tfjs has one engine a
 * process: a second one is refused.
 * @throws {BackendError} when a package of the engine is not installed, the engine does not start, or another one runs
 */
export async function createTfjsBackend(options: TfjsBackendOptions = {}): Promise<Backend> {
  const { provider = "node", threads = Math.min(availableParallelism(), mostThreads) } = options;
  const engine = await loadEngine(provider);
  if (engine.settings.compiles) return createCompiledBackend(engine);
  const products = engine.settings.plainOnly ? wasmProducts(engine.tf, threads) : undefined;
  const overwriteRows = engine.settings.plainOnly ? wasmOverwriteRows(engine.tf) : undefined;
  return interpreterBackend<Tensor>({
    name: engine.name,
    runtime: products === undefined ? engine.runtime : { ...engine.runtime, threads },
    kernels: tfjsKernels(engine, products?.product, overwriteRows),
    // Copied both ways: engines may keep the array that they get, and give out the one that they hold.
    upload: ({ type, data }) =>
      engine.scoped(() => [engine.tf.tensor(data.slice(), [...type.shape], type.dtype)])[0] as Tensor,
    read: async (tensor, type) => ({ type, data: ((await tensor.data()) as HostData).slice() }),
    free: (tensor) => tensor.dispose(),
    dispose: async () => products?.dispose(),
  });
}

/** Checks options as they come from a config. @throws {ConfigError} naming each that is wrong */
export function parseOptions(given: Readonly<Record<string, unknown>>): TfjsBackendOptions {
  const { provider, threads, ...unknown } = given;
  const problems = Object.keys(unknown).map((name) => `${name} is not an option of the tfjs backend`);
  if (threads !== undefined && provider !== "wasm") {
    problems.unshift("threads is an option of the provider wasm alone");
  } else if (threads !== undefined && !(Number.isInteger(threads) && (threads as number) > 0)) {
    problems.unshift(`threads is ${String(threads)}; give a whole number of at least 1`);
  }
  if (provider !== undefined && !engineNames.includes(provider as EngineName)) {
    problems.unshift(`provider is "${String(provider)}"; give one of ${engineNames.join(", ")}`);
  }
  if (problems.length > 0)
    throw new ConfigError(`tfjs backend: ${problems.join("; ")}`, { details: { problems } });
  return given;
}

/** The backend as a plugin offers it; options as in {@link TfjsBackendOptions}. */
export const tfjsBackendFactory: BackendFactory = {
  name: "tfjs",
  description: "TensorFlow.js: WebAssembly, WebGPU, plain JavaScript, or TensorFlow through tfjs-node",
  create: (options) => createTfjsBackend(parseOptions(options)),
};
