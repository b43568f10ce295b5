import type { Tensor } from "@alignkit/core";
import type { Lowering, LowerTable } from "./lowering.js";

/** The ids with an axis of size 1 behind. */
const unsqueezed = (lowering: Lowering, tensor: Tensor): string =>
  lowering.emit("Unsqueeze", [lowering.name(tensor), lowering.int64s([-1])]);

const lastAxis = { attributes: { axis: { int: -1 } } } as const;

export const indexing = {
  takeRows: (lowering, { inputs: [table, ids] }) => [
    lowering.emit("Gather", [lowering.name(table!), lowering.name(ids!)], {
      attributes: { axis: { int: 0 } },
    }),
  ],
  // Only where the result is read by other operations; else it is done on the host, without copying the base.
  scatterAddRows: (lowering, { inputs: [base, ids, rows] }) => {
    const indices = lowering.emit("Cast", [unsqueezed(lowering, ids!)], { attributes: { to: { int: 7 } } });
    const attributes = { reduction: { string: "add" } };
    return [
      lowering.emit("ScatterND", [lowering.name(base!), indices, lowering.name(rows!)], { attributes }),
    ];
  },
  takeAlongLast: (lowering, { inputs: [x, ids] }) => {
    const picked = lowering.emit("GatherElements", [lowering.name(x!), unsqueezed(lowering, ids!)], lastAxis);
    return [lowering.emit("Squeeze", [picked, lowering.int64s([-1])])];
  },
  scatterAlongLast: (lowering, operation) => {
    const [values, ids] = operation.inputs;
    const sizes = lowering.sizes(operation, (twin) => (twin.types[0] as Tensor["type"]).shape);
    const zeros = lowering.emit("Expand", [lowering.scalar(0, values!.dtype), lowering.shape(sizes)]);
    const updates = unsqueezed(lowering, values!);
    return [lowering.emit("ScatterElements", [zeros, unsqueezed(lowering, ids!), updates], lastAxis)];
  },
  // Only where the result is read by other operations. Each position takes its own entry of the update, or stays.
  updateSlice: (lowering, operation) => {
    const [base, update, start] = operation.inputs;
    const { axis } = operation.attributes;
    const rank = base!.shape.length;
    const size = lowering.sizes(operation, (twin) => [(twin.inputs[0] as Tensor).shape[axis] as number]);
    const length = lowering.sizes(operation, (twin) => [(twin.inputs[1] as Tensor).shape[axis] as number]);
    const toScalar = (list: string): string => lowering.emit("Reshape", [list, lowering.int64s([])]);
    const limit = toScalar(lowering.shape(size));
    const positions = lowering.emit("Range", [lowering.int64(0), limit, lowering.int64(1)]);
    const start64 = lowering.emit("Cast", [lowering.name(start!)], { attributes: { to: { int: 7 } } });
    const relative = lowering.emit("Sub", [positions, start64]);
    const inside = lowering.emit("And", [
      lowering.emit("GreaterOrEqual", [relative, lowering.int64(0)]),
      lowering.emit("Less", [relative, lowering.shape(length)]),
    ]);
    const last = lowering.emit("Sub", [lowering.shape(length), lowering.int64s([1])]);
    const index = lowering.emit("Min", [lowering.emit("Max", [relative, lowering.int64(0)]), last]);
    const spread = lowering.emit("Gather", [lowering.name(update!), index], {
      attributes: { axis: { int: axis } },
    });
    const column = base!.shape.map((_, other) => (other === axis ? -1 : 1));
    const mask = rank === 1 ? inside : lowering.emit("Reshape", [inside, lowering.int64s(column)]);
    return [lowering.emit("Where", [mask, spread, lowering.name(base!)])];
  },
} satisfies LowerTable;
