import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Of `@tensorflow/tfjs-backend-wasm`. */
interface WasmPackage {
  setWasmPaths(paths: Readonly<Record<string, string>>, usePlatformFetch: boolean): void;
}

const binary = "tfjs-backend-wasm-simd.wasm";
/** Of the part of a WebAssembly module that declares its memory. */
const memorySection = 5;
const [limited, limitedAndShared] = [1, 3];

/**
 * Has tfjs start its WebAssembly in memory that threads can share: its binary, which declares memory of its own, is given
 * to it with that declaration changed. Call it before the engine starts.
 * @param main - path of the package's main file, beside which the binary lies
 */
export function shareMemory(loaded: object, main: string): void {
  const bytes = declareShared(readFileSync(join(dirname(main), binary)));
  const url = `data:application/wasm;base64,${bytes.toString("base64")}`;
  // tfjs wants all three; Node's threads are not those of the third.
  const names = [binary, "tfjs-backend-wasm.wasm", "tfjs-backend-wasm-threaded-simd.wasm"];
  (loaded as WasmPackage).setWasmPaths(Object.fromEntries(names.map((name) => [name, url])), true);
}

/** @throws {Error} when the module does not declare one memory that is limited */
function declareShared(module: Buffer): Buffer {
  const changed = Buffer.from(module);
  let at = 8;
  while (at < module.length) {
    const section = module[at];
    const [size, content] = readNumber(module, at + 1);
    if (section === memorySection) {
      // The number of memories, then the kind of limits of the first.
      if (module[content] !== 1 || module[content + 1] !== limited) break;
      changed[content + 1] = limitedAndShared;
      return changed;
    }
    at = content + size;
  }
  throw new Error(`${binary} does not declare its memory as version 4.22.0 does; install that version`);
}

/** A number of 7 bits a byte, lowest first, and where it ends. */
function readNumber(bytes: Buffer, at: number): readonly [number, number] {
  let number = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] as number;
    number += (byte & 127) << shift;
    if (byte < 128) return [number, at];
  }
}
