import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Backend, BackendError, interpreterBackend } from "@alignkit/core";
import { defaultDevice, init } from "@jax-js/jax";
import { jaxKernels } from "./kernels.js";
import { fromHost, toHost, type Value } from "./values.js";

/** Where jax-js computes; `webgpu` needs a process that has it, which Node is not. */
export const devices = ["wasm", "webgpu"] as const;

export interface JaxBackendOptions {
  /** `wasm` unless given. One that is not there is an error, never another in its place. */
  readonly provider?: (typeof devices)[number];
}

/**
 * jax-js as a backend, op by op. Its arrays count their references: whoever is handed one owns it, a kernel borrows.
 * @throws {BackendError} when the device is not there
 */
export async function createJaxBackend({ provider = "wasm" }: JaxBackendOptions = {}): Promise<Backend> {
  const available = await init(provider);
  if (!available.includes(provider)) {
    throw new BackendError(`jax:${provider} is not there; jax-js found ${available.join(", ")}`);
  }
  defaultDevice(provider);
  return interpreterBackend<Value>({
    name: provider === "wasm" ? "jax" : `jax:${provider}`,
    runtime: { name: "jax-js", version: installedVersion(), device: provider },
    // They run all the same, and one that passes is reported.
    expectedFailures: {
      log: "jax-js approximates it to 1.1e-5, and 1e-5 is allowed where the logarithm is near 0",
    },
    kernels: jaxKernels,
    upload: fromHost,
    read: toHost,
    free: (array) => array.dispose(),
  });
}

/** jax-js does not say; its package does. */
function installedVersion(): string {
  const entry = createRequire(import.meta.url).resolve("@jax-js/jax");
  const manifest = readFileSync(join(dirname(entry), "..", "package.json"), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
