/**
 * Loads the ONNX models that check-exports.ts wrote with transformers.js, and compares logits and greedy tokens (of
 * quantized ones only logits, within wide limits); with a prompt, prints the greedy text of a directory that has a tokenizer.
 *
 *     node scripts/check-transformers-js.mjs FOLDER
 *     node scripts/check-transformers-js.mjs --text DIRECTORY "Once upon a time" 100 [DTYPE]
 *
 * `@huggingface/transformers` is no dependency of alignkit: install it anywhere, and run this from there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const found = createRequire(join(process.cwd(), "here.js")).resolve("@huggingface/transformers");
const { AutoModelForCausalLM, AutoTokenizer, env, Tensor } = await import(pathToFileURL(found).href);
env.allowRemoteModels = false;

const load = (path, auto, options) => {
  env.localModelPath = `${dirname(resolve(path))}/`;
  return auto.from_pretrained(basename(resolve(path)), options);
};
const ids = (list) => new Tensor("int64", BigInt64Array.from(list.map(BigInt)), [1, list.length]);

/** How far logits may be off, as a share of their root mean square. */
const tolerances = { fp32: 1e-4, q8: 0.1, q4: 0.5 };

async function check(directory, dtype) {
  const model = await load(directory, AutoModelForCausalLM, { dtype });
  const expected = JSON.parse(readFileSync(join(directory, "expected.json"), "utf8"));
  let error = 0;
  let size = 0;
  let isSame = true;
  for (const [row, prompt] of expected.prompts.entries()) {
    const inputs = { input_ids: ids(prompt), attention_mask: ids(prompt.map(() => 1)) };
    const { logits } = await model(inputs);
    for (const [index, value] of expected.logits[row].entries()) {
      error += (logits.data[index] - value) ** 2;
      size += value ** 2;
    }
    const generated = await model.generate({
      ...inputs,
      max_new_tokens: expected.newTokens,
      do_sample: false,
    });
    const greedy = [...generated.data].slice(prompt.length).map(Number);
    isSame &&= greedy.join() === expected.greedy[row].join();
  }
  const relative = Math.sqrt(error / size);
  const verdict = isSame ? "equal" : "different";
  console.log(`${directory} ${dtype}: logits ${relative.toExponential(1)}, greedy ${verdict}`);
  return relative < tolerances[dtype] && (isSame || dtype !== "fp32");
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--text") {
  const [directory, prompt, count, dtype = "fp32"] = rest;
  const model = await load(directory, AutoModelForCausalLM, { dtype });
  const tokenizer = await load(directory, AutoTokenizer, {});
  const inputs = tokenizer(prompt);
  const generated = await model.generate({ ...inputs, max_new_tokens: Number(count), do_sample: false });
  console.log(tokenizer.batch_decode(generated, { skip_special_tokens: true })[0]);
} else {
  let isSame = true;
  for (const family of readdirSync(first)) {
    for (const dtype of Object.keys(tolerances)) {
      isSame = (await check(join(first, family, "onnx"), dtype)) && isSame;
    }
  }
  process.exitCode = isSame ? 0 : 1;
}
