/** Products on several threads; what they are is in wasm-products.test.ts. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Backend, compileFunction, float32, type HostTensor, matMul, type Tensor } from "@alignkit/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTfjsBackend } from "./backend.js";

/** More than the parts of some products, and not a divisor of most sizes. */
const teams = [1, 2, 3, 7];
const backends: Backend[] = [];
const alone = (): Backend => backends[0] as Backend;
const multiply = async (backend: Backend, a: HostTensor, b: HostTensor, transposed: Transposed) => {
  const [transposeA, transposeB] = transposed;
  const product = compileFunction(backend, ({ x, y }: { x: Tensor; y: Tensor }) => ({
    z: matMul(x, y, { transposeA, transposeB }),
  }));
  const [x, y] = [await backend.upload(a), await backend.upload(b)];
  const { z } = await product({ x, y });
  const { data } = await z.read();
  for (const tensor of [x, y, z]) tensor.dispose();
  await product.dispose();
  return data;
};
type Transposed = readonly [boolean, boolean];

beforeAll(async () => {
  for (const threads of teams) backends.push(await createTfjsBackend({ provider: "wasm", threads }));
  // Threads that are still starting would leave all of the work to this one.
  const square = float32(new Float32Array(256 * 256), [256, 256]);
  for (const backend of backends) {
    await multiply(backend, square, square, [false, false]);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
});
afterAll(() => Promise.all(backends.map((backend) => backend.dispose())));

const ways: readonly Transposed[] = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
];
// More rows, more columns, more matrices than parts, and fewer: each way to cut; none a multiple of 8.
const sizes = [
  { outer: [], rows: 531, inner: 259, columns: 70 },
  { outer: [], rows: 18, inner: 515, columns: 1029 },
  { outer: [5, 7], rows: 65, inner: 33, columns: 129 },
  { outer: [2], rows: 130, inner: 258, columns: 261 },
  // Few rows, of which the last one or two are no whole tile, and a single one.
  { outer: [], rows: 31, inner: 259, columns: 1046 },
  { outer: [11, 13], rows: 3, inner: 66, columns: 131 },
  { outer: [], rows: 1, inner: 515, columns: 8205 },
];
const products = ways.flatMap((transposed) => sizes.map((size) => ({ ...size, transposed })));

it.each(products)("$outer $rows x $inner x $columns, transposed: $transposed, same bytes", async (one) => {
  const { outer, rows, inner, columns, transposed } = one;
  const a = wave([...outer, ...(transposed[0] ? [inner, rows] : [rows, inner])]);
  const b = wave([...outer, ...(transposed[1] ? [columns, inner] : [inner, columns])]);
  const expected = await multiply(alone(), a, b, transposed);
  for (const backend of backends) {
    for (let round = 0; round < 10; round++)
      expect(Buffer.compare(bytes(await multiply(backend, a, b, transposed)), bytes(expected))).toBe(0);
  }
});

const wave = (shape: readonly number[]): HostTensor => {
  const length = shape.reduce((product, size) => product * size, 1);
  return float32(
    Float32Array.from({ length }, (_, index) => Math.sin(index)),
    shape,
  );
};
const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer, byteOffset, byteLength);

const program = `
const { createTfjsBackend } = await import(${JSON.stringify(fileURLToPath(new URL("./backend.ts", import.meta.url)))});
const { compileFunction, float32, matMul } = await import("@alignkit/core");
const backend = await createTfjsBackend({ provider: "wasm", threads: 3 });
const square = compileFunction(backend, ({ x }) => ({ y: matMul(x, x) }));
const { y } = await square({ x: float32(new Float32Array(512 * 512).fill(1), [512, 512]) });
console.log((await y.read()).data[0]);
`;

it("lets the process end that does not dispose it", () => {
  const node = ["--conditions=@alignkit/source", "--import", "tsx", "--input-type=module", "--eval", program];
  expect(execFileSync(process.execPath, node, { encoding: "utf8", timeout: 60_000 })).toBe("512\n");
});
