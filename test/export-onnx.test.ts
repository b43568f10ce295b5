/** ONNX in transformers.js' layout, run by ONNX Runtime's own binding against PyTorch's values. */
import { exportOnnx } from "@alignkit/backend-onnx";
import type { HostTensor } from "@alignkit/core";
import { exportDecoder } from "@alignkit/models";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import {
  array,
  expectClose,
  type ReferenceModel,
  readReferenceModel,
  realRows,
  rowsOf,
} from "./reference-model.js";

function exportReference({ config, parameters }: ReferenceModel): Uint8Array {
  const { parameters: names, ...decoder } = exportDecoder(config);
  const weights = names.map((name) => ({ name, data: parameters.get(name)?.data as Float32Array }));
  return exportOnnx({ ...decoder, weights });
}

const int64 = (data: ArrayLike<number>, shape: readonly number[]) =>
  new Tensor("int64", BigInt64Array.from(Array.from(data, BigInt)), shape);

type Feeds = Readonly<Record<string, Tensor>>;

/** Keys and values of no token. */
function emptyPast({ config }: ReferenceModel, rows: number): Feeds {
  const { keyValueHeads, headDimension } = config.attention;
  const names = Array.from({ length: config.layers }, (_, layer) =>
    ["key", "value"].map((part) => `past_key_values.${layer}.${part}`),
  ).flat();
  const shape = [rows, keyValueHeads, 0, headDimension];
  return Object.fromEntries(names.map((name) => [name, new Tensor("float32", new Float32Array(0), shape)]));
}

const presentAsPast = (results: InferenceSession.OnnxValueMapType): Feeds =>
  Object.fromEntries(
    Object.entries(results)
      .filter(([name]) => name.startsWith("present."))
      .map(([name, value]) => [name.replace("present", "past_key_values"), value as Tensor]),
  );

/** Index of the largest of the last token's logits, per row. */
function greedy({ data, dims }: Tensor): number[] {
  const [rows, length, width] = dims as [number, number, number];
  return Array.from({ length: rows }, (_, row) => {
    const start = (row * length + length - 1) * width;
    const own = (data as Float32Array).subarray(start, start + width);
    return own.indexOf(Math.max(...own));
  });
}

describe.each(["gpt2", "gpt_neox", "llama", "mistral", "mistral_window", "qwen2", "qwen3"])("%s", (name) => {
  it("has transformers.js' names and gives PyTorch's logits and greedy tokens", async () => {
    const model = await readReferenceModel(name);
    const session = await InferenceSession.create(exportReference(model), { logSeverityLevel: 3 });
    const cached = Array.from({ length: model.config.layers }, (_, layer) => [
      `${layer}.key`,
      `${layer}.value`,
    ]);
    expect(session.inputNames).toEqual([
      "input_ids",
      "attention_mask",
      "position_ids",
      ...cached.flat().map((part) => `past_key_values.${part}`),
    ]);
    expect(session.outputNames).toEqual(["logits", ...cached.flat().map((part) => `present.${part}`)]);

    // 1. A batch at once, padded on the left
    const tensorOf = ({ data, type }: HostTensor) => int64(data, type.shape);
    const visible = array(model.arrays, "left.attention_mask");
    const [rows] = visible.type.shape as [number, number];
    const whole = await session.run({
      input_ids: tensorOf(array(model.arrays, "left.input_ids")),
      attention_mask: tensorOf(visible),
      position_ids: tensorOf(array(model.arrays, "left.position_ids")),
      ...emptyPast(model, rows),
    });
    const real = realRows(visible);
    const logits = whole.logits as Tensor;
    const host = {
      type: { dtype: "float32", shape: logits.dims },
      data: logits.data as Float32Array,
    } as HostTensor;
    expectClose("logits", rowsOf(host, real), rowsOf(array(model.arrays, "left.logits"), real), 1e-4);

    // 2. Prompts, then one token after the other
    const prompt = array(model.arrays, "generate.prompt_ids");
    const expected = array(model.arrays, "generate.new_tokens");
    const [batch, width] = prompt.type.shape as [number, number];
    const mask = array(model.arrays, "generate.attention_mask").data;
    const lengths = Array.from({ length: batch }, (_, row) =>
      [...mask.subarray(row * width, (row + 1) * width)].reduce((sum, value) => sum + value, 0),
    );
    const seen = Array.from({ length: batch }, (_, row) => [
      ...mask.subarray(row * width, (row + 1) * width),
    ]);
    const positions = seen.map((row, index) =>
      row.map((value, t) => (value === 0 ? 0 : t - (width - (lengths[index] as number)))),
    );
    let results = await session.run({
      input_ids: tensorOf(prompt),
      attention_mask: int64(seen.flat(), [batch, width]),
      position_ids: int64(positions.flat(), [batch, width]),
      ...emptyPast(model, batch),
    });
    const steps = expected.type.shape[1] as number;
    const responses: number[][] = seen.map(() => []);
    for (let step = 0; step < steps; step++) {
      const next = greedy(results.logits as Tensor);
      for (const [row, token] of next.entries()) {
        responses[row]?.push(token);
        seen[row]?.push(1);
      }
      results = await session.run({
        input_ids: int64(next, [batch, 1]),
        attention_mask: int64(seen.flat(), [batch, width + step + 1]),
        position_ids: int64(
          lengths.map((length) => length + step),
          [batch, 1],
        ),
        ...presentAsPast(results),
      });
    }
    expect(responses.flat()).toEqual([...expected.data]);
    await session.release();
  });
});
