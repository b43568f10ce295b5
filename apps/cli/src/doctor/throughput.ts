import { type Backend, compileFunction, float32, matMul, type Tensor } from "@alignkit/core";

/** Seconds of measuring. */
const budget = 1;

/** Billions of multiplications and additions per second of one matrix product, size `[N,N] x [N,N]`. */
export async function measureMatMul(
  backend: Backend,
): Promise<{ readonly size: number; readonly gigaflops: number }> {
  // The slowest backends take a fifth of a second for the small one, which says little about a fast one.
  const small = await measure(backend, 256);
  return small < 2
    ? { size: 256, gigaflops: small }
    : { size: 1024, gigaflops: await measure(backend, 1024) };
}

async function measure(backend: Backend, size: number): Promise<number> {
  const run = compileFunction(backend, ({ a, b }: { readonly a: Tensor; readonly b: Tensor }) => ({
    product: matMul(a, b),
  }));
  const values = Float32Array.from({ length: size * size }, (_, index) => Math.sin(index));
  const matrix = await backend.upload(float32(values, [size, size]));
  /** Reads the result, so that a device that works in the background has finished. */
  const once = async () => {
    const { product } = await run({ a: matrix, b: matrix });
    await product.read();
    product.dispose();
  };
  await once();
  const start = performance.now();
  let runs = 0;
  let seconds = 0;
  while (seconds < budget) {
    await once();
    runs++;
    seconds = (performance.now() - start) / 1000;
  }
  matrix.dispose();
  await run.dispose();
  return (2 * size ** 3 * runs) / seconds / 1e9;
}
