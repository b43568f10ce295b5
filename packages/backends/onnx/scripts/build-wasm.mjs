// Builds the generated files of src/kernels: the WebAssembly of kernels/kernels.ts and the program of helper threads.
// `--check` compares instead of writing.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { compileAssembly } from "../../../../scripts/compile-assembly.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..");

const wasmFile = () =>
  compileAssembly(join(folder, "kernels/kernels.ts"), {
    enable: ["simd", "threads"],
    sharedMemory: true,
    initialMemory: 1,
    maximumMemory: 65536,
  });

/** src/kernels/worker.ts with all that it imports, as one CommonJS text, which a thread can be started from. */
async function workerFile() {
  const result = await build({
    entryPoints: [join(folder, "src/kernels/worker.ts")],
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    legalComments: "none",
  });
  const text = JSON.stringify(result.outputFiles[0].text);
  return `/** Bundled from worker.ts by \`npm run build:wasm\`; not edited by hand. */\nexport const workerSource: string =\n  ${text};\n`;
}

/** The generated files, by name, with the text that they should have. */
export async function generate() {
  const wasm = "src/kernels/wasm-bytes.generated.ts";
  // The worker is bundled from the file on disk, so that one must be right first.
  return { [wasm]: await wasmFile(), "src/kernels/worker-source.generated.ts": await workerFile() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isCheck = process.argv.includes("--check");
  if (!isCheck) writeFileSync(join(folder, "src/kernels/wasm-bytes.generated.ts"), await wasmFile());
  for (const [name, text] of Object.entries(await generate())) {
    const path = join(folder, name);
    if (!isCheck) {
      writeFileSync(path, text);
    } else if (readFileSync(path, "utf8") !== text) {
      process.stderr.write(`${name} is out of date; run npm run build:wasm\n`);
      process.exitCode = 1;
    }
  }
}
