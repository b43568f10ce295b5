// Compiles AssemblyScript to a TypeScript file with the bytes of a WebAssembly module.
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import asc from "assemblyscript/asc";

/**
 * @param {string} source - path of a file in a folder `kernels`
 * @param {object} memory - options of the compiler for the memory, which is imported
 * @returns {Promise<string>} text that exports `wasmBytes`, base64
 */
export async function compileAssembly(source, memory) {
  const folder = dirname(source);
  let binary = new Uint8Array();
  const settings = { optimizeLevel: 3, noAssert: true, runtime: "stub", importMemory: true, ...memory };
  const { error, stderr } = await asc.main(
    [basename(source), "--outFile", "binary", ...asc.configToArguments(settings)],
    {
      // What it imports may lie elsewhere: the compiler tries several places.
      readFile: (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : null),
      writeFile: (_name, contents) => {
        binary = contents;
      },
      listFiles: () => [],
      stdout: asc.createMemoryStream(),
      stderr: asc.createMemoryStream(),
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr}`);
  const lines =
    Buffer.from(binary)
      .toString("base64")
      .match(/.{1,100}/g) ?? [];
  const body = lines.map((line) => `  "${line}",`).join("\n");
  return `/** Compiled from kernels/${basename(source)} by \`npm run build:wasm\`; not edited by hand. */\nexport const wasmBytes: readonly string[] = [\n${body}\n];\n`;
}
