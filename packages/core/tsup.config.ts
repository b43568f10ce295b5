import { defineConfig } from "tsup";
import base from "../../tsup.config.base.js";

export default defineConfig({
  ...base,
  entry: [
    "src/index.ts",
    "src/pipeline-schema.ts",
    "src/trackers/index.ts",
    "src/conformance/index.ts",
    "src/conformance/vitest.ts",
  ],
});
