/**
 * From training to the browser: fine-tunes a LoRA adapter, merges it, writes ONNX in the layout of transformers.js, and
 * continues a prompt with both; the text must be the same.
 *
 *   node --conditions=@alignkit/source --import tsx examples/transformers-js/basic.ts [--model DIRECTORY]
 *
 * Without a directory the model is a tiny one made on the spot. transformers.js is looked for here and in the working
 * directory (`npm install @huggingface/transformers`); alignkit does not need it.
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createOnnxBackend, exportOnnx } from "@alignkit/backend-onnx";
import { createRandom, createRegistry, runPipeline } from "@alignkit/core";
import {
  createGenerator,
  exportDecoder,
  mergeLora,
  readModelDirectory,
  readTokenizerFiles,
  uploadModelDirectory,
  writeModelDirectory,
} from "@alignkit/models";
import { sft } from "@alignkit/sft";
import { createTokenizer } from "@alignkit/tokenizer";
import { writeTinyModel } from "../tiny-model.js";

const prompt = "Once upon a time";
const endings = ["fox", "owl", "hen", "cat"].map((animal) => `, there was a kind ${animal} who said hello.`);
const newTokens = 24;

// 1. A model and demonstrations.
const folder = await mkdtemp(join(tmpdir(), "alignkit-transformers-js-"));
const { model: given } = parseArgs({ options: { model: { type: "string" } } }).values;
const base = given === undefined ? join(folder, "base") : resolve(given);
if (given === undefined)
  await writeTinyModel(
    base,
    endings.map((ending) => prompt + ending),
  );
const demonstrations = endings.map((completion) => `${JSON.stringify({ prompt, completion })}\n`);
await writeFile(join(folder, "demonstrations.jsonl"), demonstrations.join(""));

// 2. An adapter.
const backend = await createOnnxBackend();
const training = { per_device_train_batch_size: 4, learning_rate: 5e-3, max_steps: 40 };
const { artifacts } = await runPipeline(
  {
    stages: [
      {
        use: "sft",
        inputs: { init: { path: base } },
        config: {
          ...training,
          use_peft: true,
          lora_target_modules: "all-linear",
          train_files: "demonstrations.jsonl",
        },
      },
    ],
  },
  {
    registry: createRegistry([sft()]),
    backend,
    runDirectory: join(folder, "run"),
    baseDirectory: folder,
    seed: 0,
  },
);
const adapter = artifacts["sft.policy"] as string;

// 3. Merged, as ONNX.
const model = mergeLora(await readModelDirectory(adapter));
const files = await readTokenizerFiles(adapter);
const { parameters, ...decoder } = exportDecoder(model.config);
const weights = parameters.map((name) => ({
  name,
  data: model.parameters.get(name)?.data as Float32Array,
}));
const exported = join(folder, "exported");
await writeModelDirectory(exported, model, {
  files,
  weights: new Map([["onnx/model.onnx", exportOnnx({ ...decoder, weights })]]),
});
console.log(`written: ${exported}`);

// 4. The same prompt in both.
const tokenizer = createTokenizer(files);
const { config, parameters: tensors } = await uploadModelDirectory(backend, adapter);
const options = { maxNewTokens: newTokens, temperature: 0 };
const ids = tokenizer.encode(prompt);
const [response] = await createGenerator(backend, config, tensors).generate([ids], options, createRandom(0));
const ours = tokenizer.decode([...ids, ...(response?.ids ?? [])], { skipSpecialTokens: true });
console.log(`alignkit:        ${ours}`);

/** Undefined where it is not installed. */
async function findTransformers() {
  for (const place of [import.meta.url, pathToFileURL(join(process.cwd(), "here.js"))]) {
    try {
      const path = createRequire(place).resolve("@huggingface/transformers");
      return await import(pathToFileURL(path).href);
    } catch {
      // Not there.
    }
  }
  return undefined;
}
const transformers = await findTransformers();
if (transformers === undefined) {
  console.log("transformers.js: not installed");
} else {
  transformers.env.localModelPath = `${folder}/`;
  transformers.env.allowRemoteModels = false;
  const generate = await transformers.pipeline("text-generation", "exported", { dtype: "fp32" });
  const [result] = await generate(prompt, { max_new_tokens: newTokens, do_sample: false });
  console.log(`transformers.js: ${result.generated_text}`);
  console.log(result.generated_text === ours ? "equal" : "different");
}
await backend.dispose();
