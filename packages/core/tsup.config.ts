import { defineConfig } from "tsup";
import base from "../../tsup.config.base.js";

export default defineConfig({
  ...base,
  // A few small files, which an import would find and read one by one; its licence is in THIRD-PARTY-NOTICES.md.
  noExternal: ["pure-rand"],
  entry: [
    "src/index.ts",
    "src/pipeline-schema.ts",
    "src/trackers/index.ts",
    "src/conformance/index.ts",
    "src/conformance/vitest.ts",
  ],
});
