/**
 * Loads the ONNX models that check-exports.ts wrote with transformers.js, and compares logits and greedy tokens; with a
 * prompt, prints the greedy text of a directory that has a tokenizer.
 *
 *     node scripts/check-transformers-js.mjs FOLDER
 *     node scripts/check-transformers-js.mjs --text DIRECTORY "Once upon a time" 100
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

async function check(directory) {
  const model = await load(directory, AutoModelForCausalLM, { dtype: "fp32" });
  const expected = JSON.parse(readFileSync(join(directory, "expected.json"), "utf8"));
  let worst = 0;
  let isSame = true;
  for (const [row, prompt] of expected.prompts.entries()) {
    const inputs = { input_ids: ids(prompt), attention_mask: ids(prompt.map(() => 1)) };
    const { logits } = await model(inputs);
    for (const [index, value] of expected.logits[row].entries()) {
      worst = Math.max(worst, Math.abs(logits.data[index] - value));
    }
    const generated = await model.generate({
      ...inputs,
      max_new_tokens: expected.newTokens,
      do_sample: false,
    });
    const greedy = [...generated.data].slice(prompt.length).map(Number);
    isSame &&= greedy.join() === expected.greedy[row].join();
  }
  console.log(`${directory}: logits ${worst.toExponential(1)}, greedy ${isSame ? "equal" : "different"}`);
  return worst < 1e-4 && isSame;
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--text") {
  const [directory, prompt, count] = rest;
  const model = await load(directory, AutoModelForCausalLM, { dtype: "fp32" });
  const tokenizer = await load(directory, AutoTokenizer, {});
  const inputs = tokenizer(prompt);
  const generated = await model.generate({ ...inputs, max_new_tokens: Number(count), do_sample: false });
  console.log(tokenizer.batch_decode(generated, { skip_special_tokens: true })[0]);
} else {
  let isSame = true;
  for (const family of readdirSync(first)) isSame = (await check(join(first, family, "onnx"))) && isSame;
  process.exitCode = isSame ? 0 : 1;
}
