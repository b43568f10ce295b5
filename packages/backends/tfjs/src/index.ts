export { createTfjsBackend, type TfjsBackendOptions, tfjsBackendFactory } from "./backend.js";
export { type EngineName, engineNames } from "./engines.js";
export { tfjs } from "./plugin.js";
