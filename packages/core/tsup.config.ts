import { defineConfig } from "tsup";
import base from "../../tsup.config.base.js";

export default defineConfig({
  ...base,
  // A few small files, which an import would find and read one by one; its licence is in THIRD-PARTY-NOTICES.md.
  noExternal: ["pure-rand"],
  // What the other entries take of the core they import from its index, so that all of it is one file: finding and
  // reading four took 5 of the 20 ms of an import.
  entry: [
    "src/index.ts",
    "src/pipeline-schema.ts",
    "src/trackers/index.ts",
    "src/conformance/index.ts",
    "src/conformance/vitest.ts",
  ],
});
