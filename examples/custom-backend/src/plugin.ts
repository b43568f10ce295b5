import { ConfigError, definePlugin } from "@alignkit/core";
import { createJaxBackend, devices, type JaxBackendOptions } from "./backend.js";

/** Checks options as they come from a config. @throws {ConfigError} naming each that is wrong */
function parseOptions(given: Readonly<Record<string, unknown>>): JaxBackendOptions {
  const { provider, ...unknown } = given;
  const problems = Object.keys(unknown).map((name) => `${name} is not an option of the jax backend`);
  if (provider !== undefined && !devices.some((device) => device === provider)) {
    problems.unshift(`provider is "${String(provider)}"; give one of ${devices.join(", ")}`);
  }
  if (problems.length > 0) throw new ConfigError(`jax backend: ${problems.join("; ")}`);
  return given;
}

/** What `--plugin alignkit-backend-jax` and `plugins: [alignkit-backend-jax]` look for. */
export const plugin = definePlugin({
  name: "alignkit-backend-jax",
  backends: [
    {
      name: "jax",
      description: "jax-js: kernels made for each operation, in WebAssembly or on WebGPU",
      create: (options) => createJaxBackend(parseOptions(options)),
    },
  ],
});
