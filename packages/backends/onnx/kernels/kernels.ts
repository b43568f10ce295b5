// Host kernels in WebAssembly SIMD, written in AssemblyScript; `npm run build:wasm` compiles them.
//
// All pointers are byte offsets into the memory that the kernels are instantiated on, and all counts are multiples of 4
// or 8: the caller pads, or does the rest. Every element is computed by itself, so results do not depend on how an array is cut into pieces.

/**
 * One step of AdamW, Loshchilov & Hutter 2019, algorithm 2, in place, rounded as the decomposition of the core's
 * `adamWUpdate` is. `decay` is learning rate times weight decay.
 */
export function adamW(
  parameter: usize,
  gradient: usize,
  first: usize,
  second: usize,
  count: i32,
  beta1: f32,
  oneMinusBeta1: f32,
  beta2: f32,
  oneMinusBeta2: f32,
  epsilon: f32,
  decay: f32,
  stepSize: f32,
  denominatorScale: f32,
  gradientScale: f32,
): void {
  const beta1s = f32x4.splat(beta1);
  const oneMinusBeta1s = f32x4.splat(oneMinusBeta1);
  const beta2s = f32x4.splat(beta2);
  const oneMinusBeta2s = f32x4.splat(oneMinusBeta2);
  const epsilons = f32x4.splat(epsilon);
  const decays = f32x4.splat(decay);
  const stepSizes = f32x4.splat(stepSize);
  const denominatorScales = f32x4.splat(denominatorScale);
  const gradientScales = f32x4.splat(gradientScale);
  const bytes = (<usize>count) << 2;
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = f32x4.mul(v128.load(gradient + at), gradientScales);
    const m = f32x4.add(f32x4.mul(v128.load(first + at), beta1s), f32x4.mul(g, oneMinusBeta1s));
    const v = f32x4.add(
      f32x4.mul(v128.load(second + at), beta2s),
      f32x4.mul(f32x4.mul(g, g), oneMinusBeta2s),
    );
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), denominatorScales), epsilons);
    const p = v128.load(parameter + at);
    const decayed = f32x4.sub(p, f32x4.mul(p, decays));
    v128.store(parameter + at, f32x4.sub(decayed, f32x4.mul(f32x4.div(m, denominator), stepSizes)));
    v128.store(first + at, m);
    v128.store(second + at, v);
  }
}

/** Adds `count` floats to others, in place. */
export function add(target: usize, values: usize, count: i32): void {
  const bytes = (<usize>count) << 2;
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(target + at, f32x4.add(v128.load(target + at), v128.load(values + at)));
  }
}

/**
 * Adds the squares of `count` floats, a multiple of 8, to 8 running sums in double precision at `sums`:
 * element i goes to sum i mod 8, in order.
 */
export function sumSquares(values: usize, count: i32, sums: usize): void {
  let sum0 = v128.load(sums);
  let sum1 = v128.load(sums + 16);
  let sum2 = v128.load(sums + 32);
  let sum3 = v128.load(sums + 48);
  const end = values + ((<usize>count) << 2);
  for (let at = values; at < end; at += 32) {
    const a = v128.load(at);
    const b = v128.load(at + 16);
    const a0 = f64x2.promote_low_f32x4(a);
    const a1 = f64x2.promote_low_f32x4(
      i8x16.shuffle(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
    );
    const b0 = f64x2.promote_low_f32x4(b);
    const b1 = f64x2.promote_low_f32x4(
      i8x16.shuffle(b, b, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7),
    );
    sum0 = f64x2.add(sum0, f64x2.mul(a0, a0));
    sum1 = f64x2.add(sum1, f64x2.mul(a1, a1));
    sum2 = f64x2.add(sum2, f64x2.mul(b0, b0));
    sum3 = f64x2.add(sum3, f64x2.mul(b1, b1));
  }
  v128.store(sums, sum0);
  v128.store(sums + 16, sum1);
  v128.store(sums + 32, sum2);
  v128.store(sums + 48, sum3);
}
