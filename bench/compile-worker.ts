/**
 * Compiles our side of the bench, so that it runs as the packages run where they are installed: whoever loads TypeScript
 * through tsx holds 30 to 45 MB more.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin, stop } from "esbuild";

/** Ours are compiled in, by their sources; everything else is imported as it is installed. */
const onlyOurs: Plugin = {
  name: "only-ours",
  setup({ onResolve }) {
    onResolve({ filter: /^[^.]/ }, ({ path, kind }) =>
      kind === "entry-point" || /^(@alignkit\/|alignkit-)/.test(path) ? null : { path, external: true },
    );
  },
};

/** @returns the file for Node to start; it goes when this process ends */
async function compile(): Promise<string> {
  // As deep as the sources of the worker, which look for files of the repository from where they are.
  const folder = mkdtempSync(fileURLToPath(new URL(".compiled-", import.meta.url)));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  await build({
    entryPoints: [fileURLToPath(new URL("alignkit/worker.ts", import.meta.url))],
    outdir: folder,
    bundle: true,
    // What is imported when it is needed stays a file of its own, and the core is there once.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["@alignkit/source"],
    plugins: [onlyOurs],
  });
  // Its process would run beside what is measured.
  await stop();
  return join(folder, "worker.js");
}

let compiled: Promise<string> | undefined;

/** Once a process, whoever asks. */
export const compiledWorker = (): Promise<string> => (compiled ??= compile());
