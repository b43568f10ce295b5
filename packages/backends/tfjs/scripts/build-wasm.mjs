// Builds src/wasm-bytes.generated.ts from kernels/multiply.ts.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileAssembly } from "../../../../scripts/compile-assembly.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..");
export const generatedFile = join(folder, "src/wasm-bytes.generated.ts");

export const generate = () =>
  compileAssembly(join(folder, "kernels/multiply.ts"), {
    enable: ["simd", "threads"],
    sharedMemory: true,
    initialMemory: 1,
    maximumMemory: 65536,
  });

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(generatedFile, await generate());
