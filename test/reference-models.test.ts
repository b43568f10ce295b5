/** Models against PyTorch: outputs, every gradient, both paddings, packing, generation, scoring, on each backend. */
import { createOnnxBackend } from "@alignkit/backend-onnx";
import {
  type Backend,
  compileFunction,
  createRandom,
  gradients,
  type HostTensor,
  mean,
  neg,
  referenceBackend,
  type Tensor,
  takeRows,
} from "@alignkit/core";
import {
  createGenerator,
  createScorer,
  documentMask,
  hiddenStates,
  leftPaddedMask,
  logits,
  type ModelConfig,
  tokenLogProbs,
} from "@alignkit/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  array,
  expectClose,
  hostParameters,
  labelledRows,
  type ReferenceModel,
  readPackedRows,
  readReferenceModel,
  realRows,
  rowsOf,
  uploadParameters,
} from "./reference-model.js";

// Advised in the fixtures' README: rounding of float32 is 20 times smaller.
const tolerance = { value: 1e-4, loss: 1e-5, gradient: 2e-5, relativeGradient: 1e-3 };

const backends = [
  { name: "reference", create: async () => referenceBackend() },
  { name: "onnx", create: () => createOnnxBackend() },
];
const sides = ["right", "left"] as const;

type LossInputs = {
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly inputIds: Tensor;
  readonly positionIds: Tensor;
  readonly real: Tensor;
  readonly rows: Tensor;
  readonly targets: Tensor;
  /** Attention mask, or ids of documents. */
  readonly visible: Tensor;
};

/** Everything that the fixtures hold, in one graph. */
async function runModel(
  backend: Backend,
  { config, parameters }: ReferenceModel,
  inputs: Readonly<Record<"inputIds" | "positionIds" | "labels" | "visible" | "real", HostTensor>>,
  maskOf: (visible: Tensor) => Tensor | undefined,
) {
  const body = ({ parameters: given, inputIds, positionIds, real, rows, targets, visible }: LossInputs) => {
    const mask = maskOf(visible);
    const input = { inputIds, positionIds, ...(mask === undefined ? {} : { mask }) };
    const { logProbs } = tokenLogProbs(
      config,
      given,
      hiddenStates(config, given, { ...input, rows }),
      targets,
    );
    const hidden = takeRows(hiddenStates(config, given, input), real);
    const loss = neg(mean(logProbs));
    const names = Object.keys(given);
    const found = gradients(loss, Object.values(given));
    return {
      hidden,
      logits: logits(config, given, hidden),
      logProbs,
      loss,
      gradients: Object.fromEntries(names.map((name, index) => [name, found[index] as Tensor])),
    };
  };
  const { labels, ...tensors } = inputs;
  const run = compileFunction(backend, body);
  const result = await run({ parameters: hostParameters(parameters), ...tensors, ...labelledRows(labels) });
  const read = async (tensor: typeof result.loss) => (await tensor.read()).data;
  const outputs = {
    hidden: await read(result.hidden),
    logits: await read(result.logits),
    logProbs: await read(result.logProbs),
    loss: (await read(result.loss))[0] as number,
    gradients: new Map<string, ArrayLike<number>>(),
  };
  for (const [name, gradient] of Object.entries(result.gradients)) {
    outputs.gradients.set(name, await read(gradient));
  }
  await run.dispose();
  return outputs;
}

function expectGradients(
  actual: ReadonlyMap<string, ArrayLike<number>>,
  arrays: ReadonlyMap<string, HostTensor>,
): void {
  expect(actual.size).toBeGreaterThan(10);
  for (const [name, gradient] of actual) {
    const expected = array(arrays, `grad.${name}`).data;
    expectClose(`grad.${name}`, gradient, expected, tolerance.gradient, tolerance.relativeGradient);
  }
}

/** Real tokens per row. */
function promptsOf(ids: HostTensor, attentionMask: HostTensor): number[][] {
  const [batch, length] = ids.type.shape as [number, number];
  const isReal = (index: number) => attentionMask.data[index] === 1;
  return Array.from({ length: batch }, (_, row) =>
    [...ids.data.subarray(row * length, (row + 1) * length)].filter((_id, t) => isReal(row * length + t)),
  );
}

const rowOf = ({ data, type }: HostTensor, row: number): number[] => {
  const width = type.shape[1] as number;
  return [...data.subarray(row * width, (row + 1) * width)];
};

describe.each(backends)("$name", ({ create }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  describe.each(["gpt2", "gpt_neox", "llama", "mistral", "mistral_window", "qwen2", "qwen3"])(
    "%s",
    (name) => {
      let model: ReferenceModel;
      let config: ModelConfig;
      beforeAll(async () => {
        model = await readReferenceModel(name);
        config = model.config;
      });

      it.each(sides)("outputs and every gradient, padded on the %s", async (side) => {
        const { arrays, expected } = model;
        const visible = array(arrays, `${side}.attention_mask`);
        const real = realRows(visible);
        const labels = array(arrays, `${side}.labels`);
        const outputs = await runModel(
          backend,
          model,
          {
            inputIds: array(arrays, `${side}.input_ids`),
            positionIds: array(arrays, `${side}.position_ids`),
            labels,
            visible,
            real,
          },
          side === "left"
            ? (visible) => leftPaddedMask(visible, config.attention.slidingWindow)
            : () => undefined,
        );

        expectClose("hidden", outputs.hidden, rowsOf(array(arrays, `${side}.hidden`), real), tolerance.value);
        expectClose("logits", outputs.logits, rowsOf(array(arrays, `${side}.logits`), real), tolerance.value);
        const length = labels.type.shape[1] as number;
        const logProbs = array(arrays, `${side}.token_logprobs`).data;
        // [3, T-1] there, rows b * T + t here
        const wanted = [...labelledRows(labels).rows.data].map(
          (row) => logProbs[row - Math.floor(row / length)] as number,
        );
        expectClose("logProbs", outputs.logProbs, wanted, tolerance.value);
        expectClose("loss", [outputs.loss], [expected[side].loss], tolerance.loss);
        expectGradients(outputs.gradients, arrays);
      });

      it("generates greedily what PyTorch does, with and without an end token", async () => {
        const { arrays, expected } = model;
        const { max_new_tokens: maxNewTokens, eos_run_eos_token_id: endToken } = expected.generation;
        const prompts = promptsOf(
          array(arrays, "generate.prompt_ids"),
          array(arrays, "generate.attention_mask"),
        );
        const width = array(arrays, "generate.prompt_ids").type.shape[1] as number;
        const parameters = await uploadParameters(backend, model);
        const generator = createGenerator(backend, config, parameters);

        const options = { maxNewTokens, temperature: 0 };
        const endless = await generator.generate(prompts, { ...options, ignoreEos: true }, createRandom(0));
        const newTokens = array(arrays, "generate.new_tokens");
        for (const [row, { ids, finishReason }] of endless.entries()) {
          expect(ids).toEqual(rowOf(newTokens, row));
          expect(finishReason).toBe("length");
        }

        const ending = await generator.generate(
          prompts,
          { ...options, stopTokenIds: [endToken] },
          createRandom(0),
        );
        const sequences = array(arrays, "generate_eos.sequences");
        for (const [row, { ids, finishReason }] of ending.entries()) {
          const wanted = rowOf(sequences, row).slice(width);
          const end = wanted.indexOf(endToken);
          expect(ids).toEqual(end === -1 ? wanted : wanted.slice(0, end + 1));
          expect(finishReason).toBe(end === -1 ? "length" : "stop");
        }
        expect(ending.map(({ finishReason }) => finishReason)).toContain("stop");
        await generator.dispose();
      });

      it("scores sequences, and samples with the log-probabilities that it scores", async () => {
        const { arrays } = model;
        const ids = array(arrays, "right.input_ids");
        const sequences = promptsOf(ids, array(arrays, "right.attention_mask"));
        const parameters = await uploadParameters(backend, model);
        const scorer = createScorer(backend, config, parameters);
        const logProbs = await scorer.logProbs(
          sequences.map((sequence) => ({ ids: sequence })),
          { batchSize: 2 },
        );
        const expected = array(arrays, "right.token_logprobs");
        for (const [row, sequence] of sequences.entries()) {
          const wanted = rowOf(expected, row).slice(0, sequence.length - 1);
          expectClose(`row ${row}`, logProbs[row] as Float32Array, wanted, tolerance.value);
        }
        await scorer.dispose();

        const temperature = 0.7;
        const prompts = sequences.map((sequence) => sequence.slice(0, 4));
        const generator = createGenerator(backend, config, parameters);
        const generations = await generator.generate(
          prompts,
          { maxNewTokens: 6, temperature, ignoreEos: true },
          createRandom(3),
        );
        const tempered = createScorer(backend, config, parameters, { temperature });
        const scored = await tempered.logProbs(
          generations.map((generation, row) => ({
            ids: [...(prompts[row] as number[]), ...generation.ids],
            labels: [...(prompts[row] as number[]).map(() => -100), ...generation.ids],
          })),
        );
        for (const [row, generation] of generations.entries()) {
          expectClose(`sampled row ${row}`, generation.logProbs, scored[row] as Float32Array, 1e-4);
        }
        await generator.dispose();
        await tempered.dispose();
      });
    },
  );

  it("keeps packed documents apart", async () => {
    const model = await readReferenceModel("llama");
    const { arrays, loss } = await readPackedRows();
    const documentIds = array(arrays, "document_ids");
    const real = realRows({
      type: documentIds.type,
      data: documentIds.data.map((id) => Number(id >= 0)),
    });
    const outputs = await runModel(
      backend,
      model,
      {
        inputIds: array(arrays, "input_ids"),
        positionIds: array(arrays, "position_ids"),
        labels: array(arrays, "labels"),
        visible: documentIds,
        real,
      },
      documentMask,
    );
    expectClose("logits", outputs.logits, rowsOf(array(arrays, "logits"), real), tolerance.value);
    expectClose("loss", [outputs.loss], [loss], tolerance.loss);
    expectGradients(outputs.gradients, arrays);
  });
});
