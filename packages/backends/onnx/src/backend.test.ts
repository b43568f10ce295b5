import { describeBackend } from "@alignkit/core/conformance/vitest";
import { createOnnxBackend } from "./backend.js";

describeBackend("onnx", () => createOnnxBackend({ threads: 2 }));
