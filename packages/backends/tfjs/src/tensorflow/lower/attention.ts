import { int32, type Tensor } from "@alignkit/core";
import { product } from "./linear.js";
import { type Lowering, type LowerTable, type } from "./lowering.js";

const [float, int] = [type("float32"), type("int32")];

/** Large enough that a probability is exactly 0, finite so that nothing becomes NaN. */
const hidden = -1e30;

/**
 * A cache `[B, G, S, Dh]` with a new row, `[B, G * Dh]`, at one slot of each.
 * @param rows - of the cache as `[B * G * S, Dh]`, one per new row
 */
function withRow(
  lowering: Lowering,
  cache: string,
  row: string,
  rows: string,
  [batch, groups, slots, width]: readonly [number, number, number, number],
): string {
  const flat = lowering.reshape(cache, "float32", [batch * groups * slots, width]);
  const update = lowering.reshape(row, "float32", [batch * groups, width]);
  const written = lowering.emit("InplaceUpdate", [flat, rows, update], { T: float });
  return lowering.reshape(written, "float32", [batch, groups, slots, width]);
}

export const attention = {
  /** `InplaceUpdate` writes into the memory that it is given: that of a variable, or a copy. */
  cachedAttention: (lowering, { inputs, attributes: { scale, slidingWindow } }) => {
    const [q, k, v, keys, values, lengths] = inputs as readonly Tensor[] as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const [batch, groups, slots, width] = keys.shape as [number, number, number, number];
    const size = q.shape[1] as number;
    const last = lowering.reshape(lowering.name(lengths), "int32", [batch, 1]);
    const firsts = Int32Array.from({ length: batch * groups }, (_, index) => index * slots);
    const rows = lowering.reshape(
      lowering.emit("AddV2", [lowering.constant(int32(firsts, [batch, groups])), last], { T: int }),
      "int32",
      [batch * groups],
    );
    const next = ([cache, row]: readonly [Tensor, Tensor]): string => {
      const own = lowering.own(cache);
      const memory = own ?? lowering.emit("DeepCopy", [lowering.name(cache)], { T: float });
      const written = withRow(lowering, memory, lowering.name(row), rows, [batch, groups, slots, width]);
      if (own !== undefined) lowering.effect(written);
      return written;
    };
    const [nextKeys, nextValues] = [next([keys, k]), next([values, v])];

    const slot = lowering.constant(
      int32(
        Int32Array.from({ length: slots }, (_, index) => index),
        [1, slots],
      ),
    );
    const past = lowering.emit("LessEqual", [slot, last], { T: int });
    const isNear = (window: number): string =>
      lowering.emit(
        "Less",
        [lowering.emit("Sub", [last, slot], { T: int }), lowering.scalar(window, "int32")],
        { T: int },
      );
    const visible =
      slidingWindow === null ? past : lowering.emit("LogicalAnd", [past, isNear(slidingWindow)]);
    const choices = [visible, lowering.scalar(0, "float32"), lowering.scalar(hidden, "float32")];
    const mask = lowering.reshape(lowering.emit("SelectV2", choices, { T: float }), "float32", [
      batch,
      1,
      1,
      slots,
    ]);
    // Query heads that share a key head lie side by side.
    const perGroup = size / width / groups;
    const grouped = lowering.reshape(lowering.name(q), "float32", [batch, groups, perGroup, width]);
    const scaled = lowering.emit("Mul", [grouped, lowering.scalar(scale, "float32")], { T: float });
    const scores = product(lowering, [scaled, nextKeys], [4, perGroup], [false, true]);
    const masked = lowering.emit("AddV2", [scores, mask], { T: float });
    const probabilities = lowering.emit("Softmax", [masked], { T: float });
    const attended = product(lowering, [probabilities, nextValues], [4, perGroup], [false, false]);
    return [lowering.reshape(attended, "float32", [batch, size]), nextKeys, nextValues];
  },
} satisfies LowerTable;
