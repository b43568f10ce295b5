/** Low-rank adapters against peft: outputs, gradients, merging, on each backend. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  type Backend,
  compileFunction,
  gradients,
  mean,
  neg,
  referenceBackend,
  type Tensor,
} from "@alignkit/core";
import {
  hiddenStates,
  type LoadedModelDirectory,
  logits,
  type ModelConfig,
  mergeLora,
  type ParameterTensors,
  readModelDirectory,
  tokenLogProbs,
  trainableNames,
} from "@alignkit/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  array,
  expectClose,
  hostParameters,
  labelledRows,
  readArrays,
  readJson,
  realRows,
  rowsOf,
} from "./reference-model.js";

const fixtures = fileURLToPath(new URL("../packages/models/fixtures/lora/", import.meta.url));
const backends = [
  { name: "reference", create: async () => referenceBackend() },
  { name: "onnx", create: () => createOnnxBackend({ threads: 1 }) },
];

type Inputs = {
  readonly parameters: ParameterTensors;
  readonly inputIds: Tensor;
  readonly positionIds: Tensor;
  readonly real: Tensor;
};

describe.each(backends)("$name", ({ create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  describe.each(["qv", "all_linear"])("%s", (name) => {
    let model: LoadedModelDirectory;
    let arrays: Awaited<ReturnType<typeof readArrays>>;
    beforeAll(async () => {
      model = await readModelDirectory(join(fixtures, name));
      arrays = await readArrays(join(fixtures, name, "expected.safetensors"));
    });

    const tokens = () => ({
      inputIds: array(arrays, "input_ids"),
      positionIds: array(arrays, "position_ids"),
    });

    const logitsOf = async (config: ModelConfig, parameters: LoadedModelDirectory["parameters"]) => {
      const run = compileFunction(backend, ({ parameters: given, real, ...input }: Inputs) => ({
        logits: logits(config, given, hiddenStates(config, given, { ...input, rows: real })),
      }));
      const real = realRows(array(arrays, "attention_mask"));
      const result = await run({ parameters: hostParameters(parameters), real, ...tokens() });
      const { data } = await result.logits.read();
      await run.dispose();
      return data;
    };
    const expectedLogits = (which: string) =>
      rowsOf(array(arrays, `${which}_logits`), realRows(array(arrays, "attention_mask")));

    it("gives peft's logits with the adapter, without it, and merged", async () => {
      const { config, parameters } = model;
      expectClose("adapter", await logitsOf(config, parameters), expectedLogits("adapter"), 1e-4);
      const plain = { ...config, lora: null };
      expectClose("base", await logitsOf(plain, parameters), expectedLogits("base"), 1e-4);
      const merged = mergeLora(model);
      expectClose("merged", await logitsOf(merged.config, merged.parameters), expectedLogits("merged"), 1e-4);
    });

    it("gives peft's loss and gradients of the adapter", async () => {
      const { config, parameters, head } = model;
      const { loss, parameters: named } = await readJson<{ loss: number; parameters: object }>(
        join(fixtures, name, "expected.json"),
      );
      const trainable = trainableNames(config, head);
      type LossInputs = Omit<Inputs, "real"> & { readonly rows: Tensor; readonly targets: Tensor };
      const run = compileFunction(backend, ({ parameters: given, rows, targets, ...input }: LossInputs) => {
        const hidden = hiddenStates(config, given, { ...input, rows });
        const result = neg(mean(tokenLogProbs(config, given, hidden, targets).logProbs));
        const found = gradients(
          result,
          trainable.map((parameter) => given[parameter] as Tensor),
        );
        return { loss: result, gradients: [...found] };
      });
      const result = await run({
        parameters: hostParameters(parameters),
        ...tokens(),
        ...labelledRows(array(arrays, "labels")),
      });
      expectClose("loss", (await result.loss.read()).data, [loss], 1e-5);
      expect(trainable.map((parameter) => `base_model.model.${parameter}`).sort()).toEqual(
        Object.keys(named).sort(),
      );
      for (const [index, parameter] of trainable.entries()) {
        const gradient = (await (result.gradients[index] as (typeof result)["loss"]).read()).data;
        const expected = array(arrays, `grad.base_model.model.${parameter}`).data;
        expectClose(parameter, gradient, expected, 2e-5, 1e-3);
      }
      await run.dispose();
    });

    it("merges to peft's weights", async () => {
      const merged = mergeLora(model);
      expect(merged.config.lora).toBeNull();
      const expected = [...arrays.keys()].filter((key) => key.startsWith("merged."));
      expect(expected.length).toBeGreaterThan(3);
      for (const key of expected) {
        const actual = merged.parameters.get(key.slice("merged.".length));
        expectClose(key, actual?.data ?? [], array(arrays, key).data, 1e-6, 1e-6);
      }
      expect([...merged.parameters.keys()].filter((key) => key.includes("lora_"))).toEqual([]);
    });
  });
});
