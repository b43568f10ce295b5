/**
 * Every model family once: a tiny model with random weights, one step of supervised fine-tuning, its answer, and the
 * directory that it is saved to, read back.
 *
 *   node --conditions=@alignkit/source --import tsx examples/families/basic.ts [FAMILY ...]
 */
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxBackend } from "@alignkit/backend-onnx";
import { createRandom, createRegistry, runPipeline } from "@alignkit/core";
import { createGenerator, createScorer, readTokenizerFiles, uploadModelDirectory } from "@alignkit/models";
import { sft } from "@alignkit/sft";
import { createTokenizer } from "@alignkit/tokenizer";
import { writeTinyModel } from "../tiny-model.js";
import { type Family, shapes } from "./shapes.js";

const prompt = "Once upon a time";
const completion = ", there was a kind fox who said hello.";
const families = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(shapes);

const folder = await mkdtemp(join(tmpdir(), "alignkit-families-"));
await writeFile(join(folder, "demonstrations.jsonl"), `${JSON.stringify({ prompt, completion })}\n`);
const backend = await createOnnxBackend();

/** Nats a token of the demonstration, and what the model says by itself. */
async function askModel(directory: string) {
  const { config, parameters } = await uploadModelDirectory(backend, directory);
  const tokenizer = createTokenizer(await readTokenizerFiles(directory));
  const ids = tokenizer.encode(prompt + completion);
  const [logProbs = new Float32Array()] = await createScorer(backend, config, parameters).logProbs([{ ids }]);
  const generator = createGenerator(backend, config, parameters);
  const options = { maxNewTokens: 8, temperature: 0 };
  const [answer] = await generator.generate([tokenizer.encode(prompt)], options, createRandom(0));
  return {
    loss: -logProbs.reduce((sum, value) => sum + value, 0) / logProbs.length,
    text: tokenizer.decode(answer?.ids ?? []),
  };
}

for (const family of families) {
  // 1. A model of the family.
  const base = join(folder, family, "base");
  await writeTinyModel(base, [prompt + completion], { model_type: family, ...shapes[family as Family] });
  const before = await askModel(base);

  // 2. One step.
  const config = { train_files: "demonstrations.jsonl", max_steps: 1, learning_rate: 1e-2, warmup_steps: 0 };
  const { artifacts } = await runPipeline(
    { stages: [{ use: "sft", inputs: { init: { path: base } }, config }] },
    {
      registry: createRegistry([sft()]),
      backend,
      runDirectory: join(folder, family, "run"),
      baseDirectory: folder,
      seed: 0,
    },
  );

  // 3. Read back, it knows the demonstration better.
  const after = await askModel(artifacts["sft.policy"] as string);
  const losses = `${before.loss.toFixed(3)} -> ${after.loss.toFixed(3)} nats a token`;
  console.log(`${family}: ${losses}, says ${JSON.stringify(after.text)}`);
}
await backend.dispose();
