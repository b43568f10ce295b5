import { sizeOf } from "../types.js";
import { matMul } from "./build.js";
import { only, type PrimitivePart } from "./definition.js";

export const products: PrimitivePart<"matMul"> = {
  matMul: {
    evaluate: (inputs, { transposeA, transposeB }, outputs) => {
      const [a, b] = [inputs[0]!, inputs[1]!];
      const { shape } = outputs[0]!.type;
      const [rows, columns] = [shape.at(-2) as number, shape.at(-1) as number];
      const inner = (transposeA ? a.type.shape.at(-2) : a.type.shape.at(-1)) as number;
      const [rowA, innerA] = transposeA ? [1, rows] : [inner, 1];
      const [innerB, columnB] = transposeB ? [1, inner] : [columns, 1];
      const out = outputs[0]!.data;
      for (let batch = 0; batch < sizeOf(shape.slice(0, -2)); batch++) {
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            let total = 0;
            const fromA = batch * rows * inner + i * rowA;
            const fromB = batch * inner * columns + j * columnB;
            for (let k = 0; k < inner; k++)
              total += (a.data[fromA + k * innerA] as number) * (b.data[fromB + k * innerB] as number);
            out[(batch * rows + i) * columns + j] = total;
          }
        }
      }
    },
    gradient: ({ inputs: [a, b], attributes: { transposeA, transposeB }, gradients }) => {
      const g = only(gradients);
      return [
        transposeA
          ? matMul(b!, g, { transposeA: transposeB, transposeB: true })
          : matMul(g, b!, { transposeB: !transposeB }),
        transposeB
          ? matMul(g, a!, { transposeA: true, transposeB: transposeA })
          : matMul(a!, g, { transposeA: !transposeA }),
      ];
    },
  },
};
