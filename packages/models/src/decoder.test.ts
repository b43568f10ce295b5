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
  takeRows,
  tanh,
} from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { createModelConfig } from "./config.js";
import { hiddenStates } from "./decoder.js";
import type { RealTokens } from "./decoder-layer.js";
import { type ResidualMasks, residualMasks } from "./dropout.js";
import { initializeParameters } from "./initialize.js";

const sizes = {
  vocab_size: 7,
  hidden_size: 6,
  intermediate_size: 9,
  num_hidden_layers: 2,
  num_attention_heads: 3,
};
const configs = [
  createModelConfig({ model_type: "gpt2", vocab_size: 7, n_positions: 5, n_embd: 6, n_layer: 2, n_head: 2 }),
  createModelConfig({ model_type: "llama", max_position_embeddings: 5, ...sizes }),
  // Attention and MLP side by side, each reading the stream before the layer.
  createModelConfig({
    model_type: "gpt_neox",
    max_position_embeddings: 5,
    use_parallel_residual: true,
    rotary_pct: 1,
    ...sizes,
  }),
];
const [B, T] = [3, 5];

type Values = Readonly<Record<string, HostTensor>>;
interface Inputs {
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly inputIds: Tensor;
  readonly positionIds: Tensor;
  readonly rows: Tensor;
  readonly real: RealTokens;
  readonly residualMasks?: ResidualMasks<Tensor>;
}

describe.each(configs)("states of some tokens of $family", (config) => {
  const random = createRandom(3);
  const parameters: Values = Object.fromEntries(
    [...initializeParameters(config, "language_model", random)].map(([name, { shape, data }]) => [
      name,
      { type: { dtype: "float32", shape }, data: Float64Array.from(data, (x) => x + random.normal() / 2) },
    ]),
  );
  const masks = residualMasks(config, { length: T, lengths: new Array(B).fill(T) }, 0.4, createRandom(5));
  const indexed = (value: (index: number) => number) =>
    int32(
      Array.from({ length: B * T }, (_, index) => value(index)),
      [B, T],
    );
  // Out of order, one of them twice: gradients of both are added.
  const places = [12, 3, 8, 3, 14];
  // The last tokens of the first two rows are padding.
  const realPlaces = Array.from({ length: B * T }, (_, place) => place).filter(
    (place) => place !== 4 && place !== 9,
  );

  const run = async (states: (inputs: Inputs) => Tensor, dropout: boolean) => {
    const evaluate = compileFunction(referenceBackend({ precision: "float64" }), (inputs: Inputs) => {
      const hidden = states(inputs);
      const loss = sum(mul(tanh(hidden), 0.7));
      return { hidden, gradients: gradients(loss, Object.values(inputs.parameters)) };
    });
    const result = await evaluate({
      parameters,
      inputIds: indexed((index) => (3 * index) % 7),
      positionIds: indexed((index) => index % T),
      rows: int32(places, [places.length]),
      real: {
        places: int32(realPlaces, [realPlaces.length]),
        spread: indexed((place) => Math.max(0, realPlaces.indexOf(place))),
      },
      ...(dropout ? { residualMasks: masks } : {}),
    });
    const all = await Promise.all([result.hidden, ...result.gradients].map((tensor) => tensor.read()));
    return all.map(({ data }) => [...data]);
  };

  it.each([false, true])("are those of a pass over all, gradients too; with dropout: %s", async (dropout) => {
    const some = await run(
      ({ parameters, real: _, ...inputs }) => hiddenStates(config, parameters, inputs),
      dropout,
    );
    const withoutPadding = await run(
      ({ parameters, ...inputs }) => hiddenStates(config, parameters, inputs),
      dropout,
    );
    const all = await run(
      ({ parameters, rows, real: _, ...inputs }) => takeRows(hiddenStates(config, parameters, inputs), rows),
      dropout,
    );
    for (const computed of [some, withoutPadding]) {
      expect(computed[0]).toHaveLength(places.length * config.hiddenSize);
      for (const [index, values] of all.entries()) {
        for (const [element, value] of values.entries()) {
          expect(Math.abs((computed[index]?.[element] as number) - value)).toBeLessThan(1e-12);
        }
      }
    }
  });
});
