import { defineConfig } from "tsup";

/** How every package is built: ESM for Node 20, declarations, source maps. A package adds only its entries. */
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "node20",
  dts: true,
  sourcemap: true,
  clean: true,
  silent: true,
});
