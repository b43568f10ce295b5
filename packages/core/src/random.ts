import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { createSha256 } from "./sha256.js";

/**
 * An explicit stream of random numbers: the same on every platform for the same seed and names.
 *
 * Streams of different names are independent, so that a new consumer of random numbers never shifts the others:
 * `random.split("dropout")`, `random.split("shuffle").split("epoch-3")`.
 */
export interface Random {
  /** In `[0, 1)`, with 53 random bits. */
  uniform(): number;
  /** One of `0 .. bound - 1`, without bias. */
  integer(bound: number): number;
  /** Mean 0, variance 1. */
  normal(): number;
  /** `0 .. length - 1` in random order. */
  permutation(length: number): Int32Array;
  /** The stream of that name: it depends on the seed and the names on the way, not on how far this one has advanced. */
  split(name: string): Random;
  /** All that {@link restoreRandom} needs, as plain JSON. */
  state(): RandomState;
}

/** A stream of random numbers at some point, as JSON. */
export interface RandomState {
  /** The seed, then the names on the way. */
  readonly path: readonly [seed: number, ...names: string[]];
  /** State of xoroshiro128+. */
  readonly words: readonly number[];
  /** The second number of the last pair of normals, if it is yet to be given out. */
  readonly spareNormal: number | null;
}

/** @param seed - an integer, at most 2^53 - 1 in size */
export function createRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`createRandom: seed ${seed} is not a safe integer`);
  return fromPath([seed]);
}

/** Goes on where `state()` was taken. */
export function restoreRandom(state: RandomState): Random {
  const generator = xoroshiro128plusFromState(state.words);
  let spareNormal = state.spareNormal;
  const uniform = () => uniformFloat64(generator);
  const integer = (bound: number) => {
    if (!Number.isSafeInteger(bound) || bound < 1) {
      throw new RangeError(`Random.integer: bound ${bound} is not a positive integer`);
    }
    return uniformInt(generator, 0, bound - 1);
  };
  return {
    uniform,
    integer,
    normal() {
      if (spareNormal !== null) {
        const value = spareNormal;
        spareNormal = null;
        return value;
      }
      // Marsaglia's polar method: no trigonometry, whose last bit differs between engines.
      for (;;) {
        const x = 2 * uniform() - 1;
        const y = 2 * uniform() - 1;
        const square = x * x + y * y;
        if (square >= 1 || square === 0) continue;
        const scale = Math.sqrt((-2 * Math.log(square)) / square);
        spareNormal = y * scale;
        return x * scale;
      }
    },
    permutation(length) {
      const order = Int32Array.from({ length }, (_, index) => index);
      for (let last = length - 1; last > 0; last--) {
        const other = integer(last + 1);
        const value = order[last] as number;
        order[last] = order[other] as number;
        order[other] = value;
      }
      return order;
    },
    split: (name) => fromPath([...state.path, name]),
    state: () => ({ path: state.path, words: [...generator.getState()], spareNormal }),
  };
}

/** Hashing makes streams of near seeds and names unlike; the generator's own seeding leaves them alike at first. */
function fromPath(path: RandomState["path"]): Random {
  const digest = createSha256().update(JSON.stringify(path)).digest();
  const words = [0, 4, 8, 12].map((offset) => digest.readInt32LE(offset));
  return restoreRandom({ path, words, spareNormal: null });
}
