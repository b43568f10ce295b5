/** Backends keep memory outside of JavaScript and free it by hand; what the process holds tells whether all of it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const program = fileURLToPath(new URL("fixtures/training-memory.ts", import.meta.url));

it.each(["onnx,threads=1", "tfjs:wasm"])("of training on %s is flat over 200 steps", async (backend) => {
  const options = ["--expose-gc", "--conditions=@alignkit/source", "--import", "tsx"];
  const { stdout } = await promisify(execFile)(process.execPath, [...options, program, backend]);
  const [start = Number.NaN, ...later] = JSON.parse(stdout) as readonly number[];
  // An activation `[3 * 24, 64]` has 18 kB: one that is forgotten in each step would be 3.7 MB.
  expect(later).toHaveLength(4);
  expect((later.at(-1) as number) - start, `${start}, ${later.join(", ")} MB`).toBeLessThan(3);
});
