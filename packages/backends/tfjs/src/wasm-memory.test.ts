import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as tfjsCore from "@tensorflow/tfjs-core";
import { expect, it, onTestFinished } from "vitest";
import { createTfjsBackend } from "./backend.js";
import { shareMemory } from "./wasm-memory.js";

it("refuses a binary that does not declare a memory", () => {
  const folder = mkdtempSync(join(tmpdir(), "alignkit-"));
  // The start of every module, and nothing after it.
  const empty = Buffer.from("\0asm\u0001\0\0\0", "latin1");
  writeFileSync(join(folder, "tfjs-backend-wasm-simd.wasm"), empty);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const loaded = { setWasmPaths: () => expect.unreachable() };
  expect(() => shareMemory(loaded, join(folder, "main.js"))).toThrow(
    "tfjs-backend-wasm-simd.wasm does not declare its memory as version 4.22.0 does; install that version",
  );
});

it("refuses an engine that other code started", async () => {
  const require = createRequire(import.meta.url);
  require("@tensorflow/tfjs-backend-wasm");
  const tf: typeof tfjsCore = require("@tensorflow/tfjs-core");
  await tf.setBackend("wasm");
  await expect(createTfjsBackend({ provider: "wasm" })).rejects.toThrow(
    "tfjs:wasm: other code started tfjs in this process, in memory that threads cannot share; create this backend first",
  );
});
