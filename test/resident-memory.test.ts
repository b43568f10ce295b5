/** Backends keep memory outside of JavaScript and free it by hand; what the process holds tells whether all of it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const program = fileURLToPath(new URL("fixtures/training-memory.ts", import.meta.url));

it.each(["onnx,threads=1", "tfjs:wasm"])("of training on %s is flat over 200 steps", async (backend) => {
  // V8 would take more room for young objects when it sees fit: 64 MB at once on Node 24.
  const room = "--max-semi-space-size=1";
  const options = ["--expose-gc", room, "--conditions=@alignkit/source", "--import", "tsx"];
  const { stdout } = await promisify(execFile)(process.execPath, [...options, program, backend]);
  const [start = Number.NaN, ...later] = JSON.parse(stdout) as readonly number[];
  // An activation has 20 * 24 * 64 floats on average, 123 kB: one that is forgotten in each step would be 25 MB.
  expect(later).toHaveLength(4);
  expect((later.at(-1) as number) - start, `${start}, ${later.join(", ")} MB`).toBeLessThan(15);
});
