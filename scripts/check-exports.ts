/**
 * Writes what alignkit exports, of every family in the fixtures, with the numbers that alignkit computes from it, for
 * other programs to load and compare:
 *
 *     node --conditions=@alignkit/source --import tsx scripts/check-exports.ts FOLDER
 *     python scripts/check_exports.py FOLDER            # transformers 5 and peft
 *     node scripts/check-transformers-js.mjs FOLDER     # @huggingface/transformers
 */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createOnnxBackend, exportOnnx } from "@alignkit/backend-onnx";
import { compileFunction, createRandom, int32, type Tensor, uploadAll } from "@alignkit/core";
import {
  addLora,
  createGenerator,
  createRewardScorer,
  exportDecoder,
  hiddenStates,
  hostTensors,
  initializeParameters,
  logits,
  type ModelDirectory,
  mergeLora,
  type ParameterTensors,
  readModelDirectory,
  writeModelDirectory,
} from "@alignkit/models";

const fixtures = fileURLToPath(new URL("../packages/models/fixtures/models/", import.meta.url));
const newTokens = 12;
const prompts = [
  [5, 9, 17, 4, 33, 21],
  [40, 3, 8],
];

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("give the folder to write to");
const backend = await createOnnxBackend();

interface Inputs {
  readonly given: ParameterTensors;
  readonly inputIds: Tensor;
  readonly positionIds: Tensor;
}

/** Logits of each prompt, and its greedy continuation, up to an end token. */
async function ofLanguageModel({ config, parameters }: ModelDirectory) {
  const given = await uploadAll(backend, hostTensors(parameters));
  const run = compileFunction(backend, (inputs: Inputs) => ({
    logits: logits(config, inputs.given, hiddenStates(config, inputs.given, inputs)),
  }));
  const rows: number[][] = [];
  for (const prompt of prompts) {
    const positions = prompt.map((_, index) => index);
    const shape = [1, prompt.length];
    const result = await run({ given, inputIds: int32(prompt, shape), positionIds: int32(positions, shape) });
    rows.push([...(await result.logits.read()).data]);
  }
  const generator = createGenerator(backend, config, given);
  const options = { maxNewTokens: newTokens, temperature: 0 };
  const generations = await generator.generate(prompts, options, createRandom(0));
  return { prompts, newTokens, logits: rows, greedy: generations.map(({ ids }) => ids) };
}

/** The score of each prompt without and with the bias. */
async function ofRewardModel({ config, parameters }: ModelDirectory) {
  const given = await uploadAll(backend, hostTensors(parameters));
  const scores = await createRewardScorer(backend, config, given).scores(prompts);
  return { prompts, rewardBias: config.rewardBias, scores: [...scores] };
}

async function write(path: string, model: ModelDirectory, options = {}): Promise<void> {
  await writeModelDirectory(path, model, { overwrite: true, ...options });
  const expected = model.head === "scalar" ? await ofRewardModel(model) : await ofLanguageModel(model);
  await writeFile(join(path, "expected.json"), `${JSON.stringify(expected)}\n`);
}

/** With an adapter on all projections that changes what the model says. */
function adapted(model: ModelDirectory, base: string): ModelDirectory {
  const random = createRandom(7);
  const lora = { rank: 4, alpha: 8, rankStabilized: true, targets: "all-linear", base };
  const added = addLora(model, lora, random);
  const parameters = new Map(added.parameters);
  for (const [name, { shape, data }] of parameters) {
    if (!name.includes("lora_B")) continue;
    parameters.set(name, { shape, data: data.map(() => 0.05 * random.normal()) });
  }
  return { ...added, parameters };
}

const families = (await readdir(fixtures, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory() && entry.name !== "scalar")
  .map((entry) => entry.name);
for (const family of families) {
  const at = (kind: string) => join(folder, family, kind);
  const model = await readModelDirectory(join(fixtures, family));
  const { config } = model;
  await write(at("model"), model);

  const scalar: ModelDirectory = {
    ...model,
    config: { ...config, rewardBias: 0.5 },
    head: "scalar",
    parameters: new Map([
      ...initializeParameters(config, "scalar", createRandom(1)),
      ...[...model.parameters].filter(([name]) => !/^(lm_head|embed_out)\./.test(name)),
    ]),
    generationConfig: null,
  };
  await write(at("reward"), scalar);

  const adapter = adapted(model, at("model"));
  await write(at("adapter"), adapter);
  await write(at("merged"), mergeLora(adapter));
  await write(at("reward-adapter"), adapted(scalar, at("model")));

  const { parameters: names, ...decoder } = exportDecoder(config);
  const weights = names.map((name) => ({ name, data: model.parameters.get(name)?.data as Float32Array }));
  const files = new Map([
    ["onnx/model.onnx", exportOnnx({ ...decoder, weights })],
    ["onnx/model_quantized.onnx", exportOnnx({ ...decoder, weights, bits: 8 })],
    ["onnx/model_q4.onnx", exportOnnx({ ...decoder, weights, bits: 4 })],
  ]);
  await write(at("onnx"), model, { weights: files });
  process.stdout.write(`${family}\n`);
}
await backend.dispose();
