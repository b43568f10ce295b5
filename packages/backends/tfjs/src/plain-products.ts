import { sizeOf } from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Tf } from "./load-engine.js";

/** `a b`, each with its last two axes exchanged or not; makes tensors that the caller's scope frees. */
export type Product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean) => Tensor;

/** From as many multiplications a matrix as here on, single products are faster than one of all. */
const worthSplitting = 2 ** 17;

/** Products for an engine where only those of two matrices as they lie are fast: XNNPACK computes no others. */
export function plainProducts(tf: Tf): Product {
  const swapped = (x: Tensor) => {
    const axes = x.shape.map((_, axis) => axis);
    return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
  };
  const written = (x: Tensor, transpose: boolean) => (transpose ? swapped(x) : x);
  // Matrix by matrix; a slice would read all of them for each.
  const split = (x: Tensor): Tensor[] => {
    const [rows, columns] = x.shape.slice(-2) as [number, number];
    const count = x.size / (rows * columns);
    const flat = tf.reshape(x, [count, rows * columns]);
    return Array.from({ length: count }, (_, index) =>
      tf.reshape(tf.gatherND(flat, tf.tensor2d([index], [1, 1], "int32")), [rows, columns]),
    );
  };
  const asTheyLie = (a: Tensor, b: Tensor): Tensor => {
    const [rows, inner] = a.shape.slice(-2) as [number, number];
    const columns = b.shape.at(-1) as number;
    if (a.size === rows * inner || rows * inner * columns < worthSplitting) return tf.matMul(a, b);
    const right = split(b);
    const products = split(a).map((matrix, index) => tf.matMul(matrix, right[index] as Tensor));
    return tf.reshape(tf.concat(products, 0), [...a.shape.slice(0, -1), columns]);
  };
  return (a, b, transposeA, transposeB) => {
    const [rows, columns] = [a.shape.at(transposeA ? -1 : -2), b.shape.at(transposeB ? -2 : -1)];
    const result = sizeOf(a.shape.slice(0, -2)) * (rows as number) * (columns as number);
    // (B' A')' is the same; whichever way has fewer numbers to move.
    const here = (transposeA ? a.size : 0) + (transposeB ? b.size : 0);
    const there = (transposeA ? 0 : a.size) + (transposeB ? 0 : b.size) + result;
    return here <= there
      ? asTheyLie(written(a, transposeA), written(b, transposeB))
      : swapped(asTheyLie(written(b, !transposeB), written(a, !transposeA)));
  };
}
