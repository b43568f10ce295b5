import { definePlugin, type Plugin } from "@alignkit/core";
import { onnxBackendFactory } from "./backend.js";

/** The plugin that brings the `onnx` backend. */
export const onnx = (): Plugin => definePlugin({ name: "onnx", backends: [onnxBackendFactory] });
