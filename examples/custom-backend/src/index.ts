export { createJaxBackend, type JaxBackendOptions } from "./backend.js";
export { plugin } from "./plugin.js";
