// Host kernels in WebAssembly SIMD, written in AssemblyScript; `npm run build:wasm` compiles them.
//
// All pointers are byte offsets into the memory that the kernels are instantiated on, and all counts are multiples of 4
// or 8: the caller pads, or does the rest. Every element is computed by itself, so results do not depend on how an array is cut into pieces.

/** Of what is passed over at once where nothing happens. */
const blockBytes: usize = 1024;
/** Bits of a float: all, or all but the sign. */
const anyBit: i32 = -1;
const anyMagnitude: i32 = 0x7fffffff;

/** Whether no float of a block has any of the bits. */
function isZero(block: usize, bits: i32): bool {
  const mask = i32x4.splat(bits);
  for (let at = block; at < block + blockBytes; at += 64) {
    const low = v128.or(v128.load(at), v128.load(at + 16));
    const high = v128.or(v128.load(at + 32), v128.load(at + 48));
    if (v128.any_true(v128.and(v128.or(low, high), mask))) return false;
  }
  return true;
}

/**
 * One step of AdamW, Loshchilov & Hutter 2019, algorithm 2, in place, rounded as the decomposition of the core's
 * `adamWUpdate` is. `decay` is learning rate times weight decay.
 *
 * Where gradient and moments are 0, as for tokens that an embedding has not met, they stay so, and only decay is left:
 * such blocks are read, and not written. They are most of a reward model's embedding, a third of GPT-2's parameters.
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
  // Without decay nothing is subtracted, not 0 times a parameter, which makes NaN of what is infinite.
  const decaying = i32x4.splat(decay === 0 ? 0 : anyBit);
  const stepSizes = f32x4.splat(stepSize);
  const denominatorScales = f32x4.splat(denominatorScale);
  const gradientScales = f32x4.splat(gradientScale);
  // None of the scalars may make something else of 0, as an epsilon of 0 does.
  const mayRest = gradientScale * 0 === 0 && (<f32>0 / (denominatorScale * 0 + epsilon)) * stepSize === 0;
  const bytes = (<usize>count) << 2;
  for (let at: usize = 0; at < bytes; ) {
    const end = min(at + blockBytes, bytes);
    const rests =
      mayRest &&
      end - at === blockBytes &&
      isZero(first + at, anyBit) &&
      isZero(gradient + at, anyMagnitude) &&
      isZero(second + at, anyBit);
    if (rests && decay === 0) {
      at = end;
    } else if (rests) {
      for (; at < end; at += 16) {
        const p = v128.load(parameter + at);
        v128.store(parameter + at, f32x4.sub(p, f32x4.mul(p, decays)));
      }
    }
    for (; at < end; at += 16) {
      const g = f32x4.mul(v128.load(gradient + at), gradientScales);
      const m = f32x4.add(f32x4.mul(v128.load(first + at), beta1s), f32x4.mul(g, oneMinusBeta1s));
      const v = f32x4.add(
        f32x4.mul(v128.load(second + at), beta2s),
        f32x4.mul(f32x4.mul(g, g), oneMinusBeta2s),
      );
      const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), denominatorScales), epsilons);
      const p = v128.load(parameter + at);
      const decayed = f32x4.sub(p, v128.and(f32x4.mul(p, decays), decaying));
      v128.store(parameter + at, f32x4.sub(decayed, f32x4.mul(f32x4.div(m, denominator), stepSizes)));
      v128.store(first + at, m);
      v128.store(second + at, v);
    }
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
    const a0 = f64x2.promote_low_f32x4(v128.load64_zero(at));
    const a1 = f64x2.promote_low_f32x4(v128.load64_zero(at + 8));
    const b0 = f64x2.promote_low_f32x4(v128.load64_zero(at + 16));
    const b1 = f64x2.promote_low_f32x4(v128.load64_zero(at + 24));
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
