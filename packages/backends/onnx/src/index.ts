export { createOnnxBackend, onnxBackendFactory } from "./backend.js";
export { onnx } from "./plugin.js";
export { type OnnxBackendOptions, type ProviderName, providers } from "./settings.js";
