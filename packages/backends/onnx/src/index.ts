export { createOnnxBackend, onnxBackendFactory } from "./backend.js";
export { exportOnnx, type OnnxExport, type OnnxValue, type OnnxWeight } from "./export.js";
export type { Dimension } from "./model-proto.js";
export { onnx } from "./plugin.js";
export { type OnnxBackendOptions, type ProviderName, providers } from "./settings.js";
