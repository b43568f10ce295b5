import {
  compileFunction,
  createRandom,
  gradients,
  type HostTensor,
  int32,
  mul,
  referenceBackend,
  sum,
  type Tensor,
  tanh,
} from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createModelConfig, type ModelConfig } from "./config.js";
import { hiddenStates } from "./decoder.js";
import { type ResidualMasks, residualMasks } from "./dropout.js";
import { initializeParameters } from "./initialize.js";
import { parameterNames } from "./parameters.js";

const gpt2 = createModelConfig({
  model_type: "gpt2",
  vocab_size: 7,
  n_positions: 5,
  n_embd: 6,
  n_layer: 2,
  n_head: 2,
  initializer_range: 0.5,
});
const llama = createModelConfig({
  model_type: "llama",
  vocab_size: 7,
  max_position_embeddings: 5,
  hidden_size: 6,
  intermediate_size: 9,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  initializer_range: 0.5,
});
const [B, T, D] = [3, 5, 6];

type Values = Record<string, HostTensor>;

/** Double precision: the reference keeps what it is given. */
function exact(values: ArrayLike<number>, shape: readonly number[]): HostTensor {
  return { type: { dtype: "float32", shape }, data: Float64Array.from(values) };
}

function parametersOf(config: ModelConfig): Values {
  const random = createRandom(4);
  return Object.fromEntries(
    [...initializeParameters(config, "language_model", random)].map(([name, { shape, data }]) => [
      name,
      // Biases, which are 0 at first, must matter.
      exact(
        data.map((value) => value + random.uniform() - 0.5),
        shape,
      ),
    ]),
  );
}

const tokens = {
  inputIds: int32(
    Array.from({ length: B * T }, (_, index) => (3 * index) % 7),
    [B, T],
  ),
  positionIds: int32(
    Array.from({ length: B * T }, (_, index) => index % T),
    [B, T],
  ),
};

/** A loss of all hidden states, through a curve so that each weighs differently, and its gradients. */
async function run(config: ModelConfig, parameters: Values, masks?: ResidualMasks<HostTensor>) {
  const evaluate = compileFunction(
    referenceBackend({ precision: "float64" }),
    (given: {
      parameters: Record<string, Tensor>;
      tokens: { inputIds: Tensor; positionIds: Tensor };
      masks?: ResidualMasks<Tensor>;
    }) => {
      const dropout = given.masks === undefined ? {} : { residualMasks: given.masks };
      const hidden = hiddenStates(config, given.parameters, { ...given.tokens, ...dropout });
      const loss = sum(mul(tanh(hidden), 0.7));
      return { hidden, loss, gradients: gradients(loss, Object.values(given.parameters)) };
    },
  );
  const result = await evaluate({ parameters, tokens, ...(masks === undefined ? {} : { masks }) });
  const values = async (tensor: typeof result.loss) => Array.from((await tensor.read()).data);
  const found: Record<string, number[]> = {};
  for (const [index, name] of Object.keys(parameters).entries()) {
    found[name] = await values(result.gradients[index] as typeof result.loss);
  }
  return {
    hidden: await values(result.hidden),
    loss: (await values(result.loss))[0] as number,
    gradients: found,
  };
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    expect(Math.abs((actual[index] as number) - value), `element ${index}`).toBeLessThan(1e-12);
  }
}

describe("residualMasks", () => {
  it("drops at the rate and keeps the mean, from the stream alone", () => {
    const make = (name: string) =>
      residualMasks(gpt2, { length: 50, lengths: new Array(40).fill(50) }, 0.2, createRandom(1).split(name));
    const { attention, mlp } = make("a");
    expect([attention.length, mlp.length]).toEqual([2, 2]);
    const all = [...attention, ...mlp];
    expect(all.map(({ type }) => type.shape)).toEqual(new Array(4).fill([40, 50, 6]));
    for (const { data } of all) {
      expect(new Set(data)).toEqual(new Set([0, 1.25]));
      // 12,000 draws: the share's standard deviation is sqrt(0.2 * 0.8 / 12000) = 0.0037.
      const dropped = data.filter((value: number) => value === 0).length / data.length;
      expect(Math.abs(dropped - 0.2)).toBeLessThan(0.015);
    }
    // No two masks are alike, and two independent ones agree in 0.2 ** 2 + 0.8 ** 2 = 0.68 of their places.
    for (const [index, { data }] of all.entries()) {
      for (const other of all.slice(index + 1)) {
        const alike = data.filter((value: number, place: number) => value === other.data[place]).length;
        expect(Math.abs(alike / data.length - 0.68)).toBeLessThan(0.02);
      }
    }
    expect(make("a")).toEqual({ attention, mlp });
    expect(make("b").attention[0]).not.toEqual(attention[0]);
  });

  it("drops the same of each row however far the rows are padded, and whatever rows come after", () => {
    const make = (length: number, lengths: readonly number[]) =>
      residualMasks(gpt2, { length, lengths }, 0.4, createRandom(2));
    const [tight, wide] = [make(5, [3, 5]), make(8, [3, 5, 1])];
    const rowsOf = ({ data, type }: HostTensor, lengths: readonly number[]) =>
      lengths.map((real, row) => {
        const start = row * (type.shape[1] as number) * D;
        return Array.from(data.slice(start, start + real * D));
      });
    for (const branch of ["attention", "mlp"] as const) {
      for (const [layer, mask] of tight[branch].entries()) {
        expect(rowsOf(wide[branch][layer] as HostTensor, [3, 5])).toEqual(rowsOf(mask, [3, 5]));
      }
    }
    // Padding: of 5 slots two, of 6 numbers each.
    expect(Array.from(tight.mlp[1]?.data.slice(3 * D, 5 * D) ?? [])).toEqual(new Array(2 * D).fill(1));
  });
});

describe.each([
  { config: gpt2, output: "c_proj" },
  { config: llama, output: "(o|down)_proj" },
])("residual dropout of $config.family", ({ config, output }) => {
  const parameters = parametersOf(config);

  it("multiplies what the last projections of attention and MLP give, biases included", async () => {
    const random = createRandom(9);
    // One factor a column, other ones in each place: the same as scaled columns of that projection.
    const scaled: Values = { ...parameters };
    const masks: Record<"attention" | "mlp", HostTensor[]> = { attention: [], mlp: [] };
    const names = parameterNames(config);
    for (const layer of names.layers) {
      for (const [branch, projection] of [
        ["attention", layer.attentionOutput],
        ["mlp", layer.mlpDown],
      ] as const) {
        const columns = Array.from({ length: D }, () => random.uniform() + 0.5);
        masks[branch].push(exact(Array.from({ length: B * T }, () => columns).flat(), [B, T, D]));
        expect(projection.weight).toMatch(new RegExp(output));
        const { data, type } = parameters[projection.weight]!;
        const inputs = data.length / D;
        const columnOf = (index: number) =>
          names.linearLayout === "in_out" ? index % D : Math.floor(index / inputs);
        scaled[projection.weight] = exact(
          Array.from(data, (value, index) => value * columns[columnOf(index)]!),
          type.shape,
        );
        if (projection.bias === null) continue;
        scaled[projection.bias] = exact(
          Array.from(parameters[projection.bias]!.data, (value, index) => value * columns[index]!),
          [D],
        );
      }
    }
    const masked = await run(config, parameters, masks);
    expectClose(masked.hidden, (await run(config, scaled)).hidden);
    expect(masked.loss).not.toBeCloseTo((await run(config, parameters)).loss, 3);
  });

  it("has the gradient of its value", async () => {
    const masks = residualMasks(config, { length: T, lengths: new Array(B).fill(T) }, 0.4, createRandom(5));
    const direction = createRandom(6);
    const along = Object.fromEntries(
      Object.entries(parameters).map(([name, { data }]) => [
        name,
        Array.from(data, () => direction.normal()),
      ]),
    );
    const at = async (step: number) => {
      const moved = Object.entries(parameters).map(([name, { data, type }]) => [
        name,
        exact(
          Array.from(data, (value, index) => value + step * along[name]![index]!),
          type.shape,
        ),
      ]);
      return (await run(config, Object.fromEntries(moved), masks)).loss;
    };
    const step = 1e-5;
    const slope = ((await at(step)) - (await at(-step))) / (2 * step);
    const { gradients: found } = await run(config, parameters, masks);
    let expected = 0;
    for (const [name, gradient] of Object.entries(found)) {
      for (const [index, value] of gradient.entries()) expected += value * along[name]![index]!;
    }
    // Central differences: the error grows with the square of the step, rounding with its inverse.
    expect(Math.abs(slope - expected)).toBeLessThan(1e-6 * (1 + Math.abs(expected)));
  });
});
