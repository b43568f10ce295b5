import { type CompositeName, type Kernel, sizeOf } from "@alignkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { readIds } from "./indexing.js";
import type { LoadedEngine } from "./load-engine.js";
import type { Product } from "./wasm-products.js";
import type { OverwriteRows } from "./wasm-rows.js";

/** Composites that take one pass, or operands of unequal shape, where their decomposition would write out each step. */
export type WholeComposite = CompositeName &
  (
    | "softmax"
    | "logSoftmax"
    | "layerNorm"
    | "rmsNorm"
    | "gelu"
    | "silu"
    | "linear"
    | "cachedAttention"
    | "adamWUpdate"
  );

/** Large enough that a probability is exactly 0, finite so that nothing becomes NaN. */
const hidden = -1e30;

/** In the order of the decompositions in the core; each frees what it makes on the way. */
export function compositeKernels(
  { tf, scoped }: LoadedEngine,
  product: Product,
  overwriteRows?: OverwriteRows,
): { readonly [K in WholeComposite]: Kernel<K, Tensor> } {
  /** `1 / sqrt(mean(x x) + epsilon)` over the last axis, which becomes 1. */
  const inverseRoot = (x: Tensor, epsilon: number): Tensor =>
    tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
  return {
    softmax: ([x]) => scoped(() => [tf.softmax(x!)]),
    logSoftmax: ([x]) => scoped(() => [tf.logSoftmax(x!)]),
    layerNorm: ([x, weight, bias], { epsilon }) =>
      scoped(() => {
        const center = tf.mean(x!, -1, true);
        const centered = tf.sub(x!, center);
        const inverse = inverseRoot(centered, epsilon);
        return [tf.add(tf.mul(tf.mul(centered, inverse), weight!), bias!), center, inverse];
      }),
    rmsNorm: ([x, weight], { epsilon }) =>
      scoped(() => {
        const inverse = inverseRoot(x!, epsilon);
        return [tf.mul(tf.mul(x!, inverse), weight!), inverse];
      }),
    // tanh form: 0.5 x (1 + tanh(u)) = x sigmoid(2 u)
    gelu: ([x], { approximate }) =>
      scoped(() => {
        if (approximate === "none")
          return [tf.mul(tf.mul(x!, 0.5), tf.add(tf.erf(tf.mul(x!, Math.SQRT1_2)), 1))];
        const slope = tf.add(tf.mul(tf.square(x!), tanhCubic * tanhScale), tanhScale);
        return [tf.mul(x!, tf.sigmoid(tf.mul(x!, slope)))];
      }),
    silu: ([x]) => scoped(() => [tf.mul(x!, tf.sigmoid(x!))]),
    linear: ([x, weight, bias], { transposeWeight }, [type]) =>
      scoped(() => {
        const width = x!.shape.at(-1)!;
        const rows = tf.reshape(x!, [sizeOf(x!.shape) / width, width]);
        const projected = product(rows, weight!, false, transposeWeight);
        return [tf.reshape(bias === undefined ? projected : tf.add(projected, bias), [...type!.shape])];
      }),
    cachedAttention: async (inputs, { scale, slidingWindow }, _types, _inputTypes, mayOverwrite) => {
      const [q, k, v, keys, values, lengths] = inputs;
      const [batch, groups, slots, width] = keys!.shape as [number, number, number, number];
      const last = await readIds("cachedAttention", lengths!, slots);
      return scoped(() => {
        const places = Int32Array.from(
          { length: batch * groups },
          (_, row) => row * slots + last[Math.floor(row / groups)]!,
        );
        const written = (cache: Tensor, row: Tensor, mayOverwrite = false): Tensor => {
          if (mayOverwrite && overwriteRows?.(cache, row, places)) return tf.reshape(cache, cache.shape);
          const flat = tf.reshape(cache, [batch * groups * slots, width]);
          const rows = tf.reshape(row, [batch * groups, width]);
          const next = tf.tensorScatterUpdate(flat, tf.tensor2d(places, [places.length, 1], "int32"), rows);
          return tf.reshape(next, cache.shape);
        };
        const nextKeys = written(keys!, k!, mayOverwrite?.(3));
        const nextValues = written(values!, v!, mayOverwrite?.(4));
        const mask = new Float32Array(batch * slots).fill(hidden);
        for (const [row, own] of last.entries()) {
          const first = slidingWindow === null ? 0 : Math.max(0, own - slidingWindow + 1);
          mask.fill(0, row * slots + first, row * slots + own + 1);
        }
        // Query heads that share a key head lie side by side.
        const queries = tf.reshape(tf.mul(q!, scale), [batch, groups, q!.shape[1]! / width / groups, width]);
        const scores = product(queries, nextKeys, false, true);
        const probabilities = tf.softmax(tf.add(scores, tf.tensor4d(mask, [batch, 1, 1, slots])));
        return [tf.reshape(product(probabilities, nextValues, false, false), q!.shape), nextKeys, nextValues];
      });
    },
    adamWUpdate: (
      [parameter, gradient, m, v, learningRate, stepSize, denominatorScale, gradientScale],
      { beta1, beta2, epsilon, weightDecay },
    ) =>
      scoped(() => {
        const g = tf.mul(gradient!, gradientScale!);
        const nextM = tf.add(tf.mul(m!, beta1), tf.mul(g, 1 - beta1));
        const nextV = tf.add(tf.mul(v!, beta2), tf.mul(tf.mul(g, g), 1 - beta2));
        const decayed =
          weightDecay === 0
            ? parameter!
            : tf.sub(parameter!, tf.mul(parameter!, tf.mul(learningRate!, weightDecay)));
        const denominator = tf.add(tf.mul(tf.sqrt(nextV), denominatorScale!), epsilon);
        return [tf.sub(decayed, tf.mul(tf.div(nextM, denominator), stepSize!)), nextM, nextV];
      }),
  };
}

const tanhScale = 2 * Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;
