import { defineConfig } from "vitest/config";

/** Packages resolve to their sources, so tests need no build. */
const resolve = { conditions: ["@alignkit/source"] };

export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    include: ["packages/**/src/**/*.test.ts", "apps/**/src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
  },
});
