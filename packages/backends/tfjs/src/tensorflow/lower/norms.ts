import type { Tensor } from "@alignkit/core";
import { type Lowering, type LowerTable, type } from "./lowering.js";

const types = { T: type("float32") };

/** Over the last axis, which becomes 1. */
const mean = (lowering: Lowering, name: string): string =>
  lowering.emit("Mean", [name, lowering.ints([-1])], {
    ...types,
    Tidx: type("int32"),
    keep_dims: { bool: true },
  });

/** `1 / sqrt(mean(squares) + epsilon)` */
const inverseRoot = (lowering: Lowering, squares: string, epsilon: number): string => {
  const inputs = [mean(lowering, squares), lowering.scalar(epsilon, "float32")];
  return lowering.emit("Rsqrt", [lowering.emit("AddV2", inputs, types)], types);
};

/** The factors, and the shift if there is one. */
function scaled(lowering: Lowering, x: string, inverse: string, weight: Tensor, bias?: Tensor): string {
  const normalized = lowering.emit("Mul", [x, inverse], types);
  const result = lowering.emit("Mul", [normalized, lowering.name(weight)], types);
  return bias === undefined ? result : lowering.emit("AddV2", [result, lowering.name(bias)], types);
}

/** Three operators fewer than the decompositions, which counts where rows are few. */
export const norms = {
  layerNorm: (lowering, { inputs: [x, weight, bias], attributes: { epsilon } }) => {
    const name = lowering.name(x!);
    const center = mean(lowering, name);
    const squares = lowering.emit("SquaredDifference", [name, center], types);
    const inverse = inverseRoot(lowering, squares, epsilon);
    const centered = lowering.emit("Sub", [name, center], types);
    return [scaled(lowering, centered, inverse, weight!, bias!), center, inverse];
  },
  rmsNorm: (lowering, { inputs: [x, weight], attributes: { epsilon } }) => {
    const name = lowering.name(x!);
    const inverse = inverseRoot(lowering, lowering.emit("Square", [name], types), epsilon);
    return [scaled(lowering, name, inverse, weight!), inverse];
  },
} satisfies LowerTable;
