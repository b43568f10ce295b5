#!/usr/bin/env node
// Checked in, so that `npm ci` can link the command before anything is built.
import { existsSync } from "node:fs";
import module from "node:module";

// Keeps compiled code between runs, where this Node can (22.1 and later).
module.enableCompileCache?.();

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write("alignkit is not built yet: run `npm run build` in the repository, then try again\n");
  process.exitCode = 1;
}
