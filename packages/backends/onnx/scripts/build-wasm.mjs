// Compiles kernels/kernels.ts and writes the bytes, base64, to src/kernels/wasm-bytes.generated.ts. `--check` compares instead.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(folder, "src/kernels/wasm-bytes.generated.ts");

/** The text of the generated file. */
export async function generate() {
  const { error, stderr, binary } = await asc.compileString(
    readFileSync(join(folder, "kernels/kernels.ts"), "utf8"),
    {
      optimizeLevel: 3,
      noAssert: true,
      runtime: "stub",
      enable: ["simd"],
      initialMemory: 64,
      maximumMemory: 64,
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  const lines =
    Buffer.from(binary)
      .toString("base64")
      .match(/.{1,100}/g) ?? [];
  const body = lines.map((line) => `  "${line}",`).join("\n");
  return `/** Compiled from kernels/kernels.ts by \`npm run build:wasm\`; not edited by hand. */\nexport const wasmBytes: readonly string[] = [\n${body}\n];\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await generate();
  if (process.argv.includes("--check")) {
    if (readFileSync(target, "utf8") !== text) {
      process.stderr.write(
        "src/kernels/wasm-bytes.generated.ts is not what kernels/kernels.ts compiles to; run npm run build:wasm\n",
      );
      process.exitCode = 1;
    }
  } else {
    writeFileSync(target, text);
  }
}
