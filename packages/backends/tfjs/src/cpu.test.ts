import { describeBackend } from "@alignkit/core/conformance/vitest";
import { createTfjsBackend } from "./backend.js";

describeBackend("tfjs:cpu", () => createTfjsBackend({ provider: "cpu" }));
