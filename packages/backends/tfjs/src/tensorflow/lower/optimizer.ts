import { type Lowering, type LowerTable, type } from "./lowering.js";

const float = type("float32");

/** Arithmetic on float32 nodes. */
const arithmetic = (lowering: Lowering) => {
  const binary =
    (op: string) =>
    (a: string, b: string): string =>
      lowering.emit(op, [a, b], { T: float });
  return { add: binary("AddV2"), sub: binary("Sub"), mul: binary("Mul"), div: binary("RealDiv") };
};

export const optimizer = {
  /**
   * Over variables: TensorFlow's Adam, in place. With both powers of beta at 0 its rate is the step size as given:
   * `m / (sqrt(v) scale + epsilon) step = m / (sqrt(v) + epsilon / scale) step / scale`.
   *
   * One after the other: so a gradient is still in the processor's cache, scaled, when its parameter is updated.
   */
  adamWUpdate: (lowering, { inputs, attributes: { beta1, beta2, epsilon, weightDecay } }) => {
    const { add, sub, mul, div } = arithmetic(lowering);
    const number = (value: number) => lowering.scalar(value, "float32");
    const [gradient, learningRate, stepSize, denominatorScale, gradientScale] = [1, 4, 5, 6, 7].map((at) =>
      lowering.name(inputs[at]!),
    ) as [string, string, string, string, string];
    const turn = lowering.latestEffect === undefined ? [] : [`^${lowering.latestEffect}`];
    const g = lowering.emit("Mul", [gradient, gradientScale, ...turn], { T: float });
    const decay = () => mul(learningRate, number(weightDecay));
    const variables = [0, 2, 3].map((at) => lowering.variable(inputs[at]!));
    if (variables.every((name) => name !== undefined)) {
      const [parameter] = variables as [string];
      const read = (variable: string, after: string): string =>
        lowering.emit("ReadVariableOp", [variable, `^${after}`], { dtype: float });
      const before: string[] = [];
      if (weightDecay !== 0) {
        const value = lowering.emit("ReadVariableOp", [parameter], { dtype: float });
        const decayed = [parameter, mul(value, decay())];
        before.push(`^${lowering.emit("AssignSubVariableOp", decayed, { dtype: float })}`);
      }
      const settings = [number(0), number(0), div(stepSize, denominatorScale), number(beta1), number(beta2)];
      const scaledEpsilon = div(number(epsilon), denominatorScale);
      const updated = lowering.emit(
        "ResourceApplyAdam",
        [...(variables as string[]), ...settings, scaledEpsilon, g, ...before],
        { T: float },
      );
      lowering.effect(updated);
      return (variables as string[]).map((variable) => read(variable, updated));
    }
    const [parameter, m, v] = [0, 2, 3].map((at) => lowering.name(inputs[at]!)) as [string, string, string];
    const nextM = add(mul(m, number(beta1)), mul(g, number(1 - beta1)));
    const nextV = add(mul(v, number(beta2)), mul(mul(g, g), number(1 - beta2)));
    const decayed = weightDecay === 0 ? parameter : sub(parameter, mul(parameter, decay()));
    const root = lowering.emit("Sqrt", [nextV], { T: float });
    const denominator = add(mul(root, denominatorScale), number(epsilon));
    return [sub(decayed, mul(div(nextM, denominator), stepSize)), nextM, nextV];
  },
} satisfies LowerTable;
