import { defineConfig } from "vitest/config";
import { summaryReporter } from "./scripts/summary-reporter.js";

/** Packages resolve to their sources, so tests need no build. */
const resolve = { conditions: ["@alignkit/source"] };

export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    include: ["{packages,apps,examples,bench,test,scripts}/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ["default", summaryReporter()],
  },
});
