import { describe, expect, it } from "vitest";
import { conformanceCases } from "./conformance/index.js";
import {
  add,
  checkpoint,
  compileFunction,
  createRandom,
  exp,
  fill,
  float32,
  gradients,
  type HostTensor,
  legalize,
  logSigmoid,
  mul,
  printGraph,
  referenceBackend,
  sizeOf,
  sum,
  type Tensor,
  takeRows,
  tanh,
  trace,
} from "./index.js";

const exact = referenceBackend({ precision: "float64" });

/** Inputs of a case in double precision: the reference keeps what it is given. */
function sampleInputs(
  name: string,
  specifications: (typeof conformanceCases)[number]["inputs"],
): HostTensor[] {
  const random = createRandom(7).split(name);
  return specifications.map(({ dtype, shape, low, high }) => {
    const values = Array.from({ length: sizeOf(shape) }, () => low + random.uniform() * (high - low));
    if (dtype === "float32") return { type: { dtype, shape }, data: Float64Array.from(values) };
    const whole = values.map(Math.floor);
    return {
      type: { dtype, shape },
      data: dtype === "int32" ? Int32Array.from(whole) : Uint8Array.from(whole),
    };
  });
}

// Ops whose gradient is by definition not that of their value.
const exempt = new Set(["stopGradient", "rotary"]);

describe("gradient rules agree with central differences along a random direction", () => {
  it.each(conformanceCases.filter(({ gradient, name }) => gradient && !exempt.has(name)))(
    "$name",
    async ({ name, inputs: specifications, body }) => {
      const inputs = sampleInputs(name, specifications);
      const evaluate = compileFunction(exact, ({ x }: { x: readonly Tensor[] }) => {
        let loss = fill(0, []);
        // Through a curve, so that elements of one output weigh differently.
        for (const output of body(...x))
          if (output.dtype === "float32") loss = add(loss, sum(mul(tanh(output), 0.7)));
        const floats = x.filter(({ dtype }) => dtype === "float32");
        return { loss, gradients: gradients(loss, floats) };
      });
      const results = await evaluate({ x: inputs });
      const random = createRandom(11).split(name);
      const directions = inputs.map(({ data }) => Float64Array.from(data, () => random.normal()));
      const shifted = async (step: number) => {
        const moved = inputs.map(({ type, data }, index) =>
          type.dtype === "float32"
            ? {
                type,
                data: Float64Array.from(data, (value, i) => value + step * (directions[index]![i] as number)),
              }
            : { type, data },
        );
        return (await (await evaluate({ x: moved })).loss.read()).data[0] as number;
      };
      const h = 1e-6;
      const numeric = ((await shifted(h)) - (await shifted(-h))) / (2 * h);
      let analytic = 0;
      let next = 0;
      for (const [index, { type }] of inputs.entries()) {
        if (type.dtype !== "float32") continue;
        const { data } = await results.gradients[next++]!.read();
        for (const [i, value] of data.entries()) analytic += value * (directions[index]![i] as number);
      }
      // Central differences in double precision: error about h^2 f''' plus 1e-16 |f| / h, well below 1e-7 here.
      expect(Math.abs(numeric - analytic)).toBeLessThan(2e-7 * (1 + Math.abs(analytic)));
    },
  );
});

describe("reverse mode", () => {
  it("accumulates over several uses", async () => {
    // d/dx (x^2 + 3x) = 2x + 3
    const run = compileFunction(exact, ({ x }: { x: Tensor }) => ({
      g: gradients(sum(add(mul(x, x), mul(x, 3))), [x])[0]!,
    }));
    expect([...(await (await run({ x: float32([1, -2], [2]) })).g.read()).data]).toEqual([5, -1]);
  });

  it("gives zeros where nothing flows", async () => {
    const run = compileFunction(exact, ({ x, y }: { x: Tensor; y: Tensor }) => ({
      g: gradients(sum(x), [y])[0]!,
    }));
    expect([...(await (await run({ x: float32([1], [1]), y: float32([4, 5], [2]) })).g.read()).data]).toEqual(
      [0, 0],
    );
  });

  it("scatters embedding rows into the dense gradient of a tied head, not beside it", () => {
    const { graph } = trace(
      ({ table, ids }: { table: Tensor; ids: Tensor }) => ({
        g: gradients(sum(add(sum(mul(table, table)), sum(takeRows(table, ids)))), [table])[0]!,
      }),
      { table: { dtype: "float32", shape: [5, 2] }, ids: { dtype: "int32", shape: [3] } },
    );
    expect(printGraph(legalize(graph, new Set()))).toMatchInlineSnapshot(`
      "%0 = input() {"name":"table"} : float32[5,2]
      %1 = input() {"name":"ids"} : int32[3]
      %2 = add(%0, %0) : float32[5,2]
      %3 = fill() {"value":1} : float32[3,2]
      %4 = scatterAddRows(%2, %1, %3) : float32[5,2]
      return %4"
    `);
  });

  it("gives logSigmoid the gradient 1/2 at 0", async () => {
    const run = compileFunction(exact, ({ x }: { x: Tensor }) => ({
      g: gradients(sum(logSigmoid(x)), [x])[0]!,
    }));
    expect([...(await (await run({ x: float32([0], [1]) })).g.read()).data]).toEqual([0.5]);
  });

  it("refuses a loss that is not a scalar", () => {
    expect(() =>
      trace(({ x }: { x: Tensor }) => ({ g: gradients(x, [x])[0]! }), {
        x: { dtype: "float32", shape: [2] },
      }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeMismatchError: gradients: the loss must be a float32 scalar, got float32[2]]`,
    );
  });

  it("goes through graphs of 20,000 operations", async () => {
    const run = compileFunction(exact, ({ x }: { x: Tensor }) => {
      let y = x;
      for (let i = 0; i < 20_000; i++) y = add(y, 1);
      return { g: gradients(sum(y), [x])[0]! };
    });
    expect([...(await (await run({ x: float32([2], [1]) })).g.read()).data]).toEqual([1]);
  });
});

describe("checkpoint", () => {
  it("recomputes its body in the backward pass instead of keeping its values", () => {
    const body = (x: Tensor) => [tanh(exp(x))];
    const { graph } = trace(
      ({ x }: { x: Tensor }) => ({
        g: gradients(sum(checkpoint(body as (...inputs: Tensor[]) => Tensor[])(x)[0]!), [x])[0]!,
      }),
      { x: { dtype: "float32", shape: [2] } },
    );
    const lines = printGraph(legalize(graph, new Set())).split("\n");
    expect(lines.filter((line) => line.includes("barrier("))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("= exp("))).toHaveLength(1);
  });
});
