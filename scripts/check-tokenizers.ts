/**
 * Checks tokenizers and chat templates against data that are too large for fixtures.
 *
 *     node --conditions=@alignkit/source --import tsx scripts/check-tokenizers.ts [options]
 *
 *     --templates FILE   chat templates by group and name, each with `chat_template`, `data` and the `target` text
 *     --gpt2 DIR         GPT-2's `encoder.json` and `vocab.bpe`; needs --text and --python
 *     --tokenizer DIR    any directory with tokenizer.json; needs --text and --python
 *     --text FILE        what both sides tokenize
 *     --python PATH      with the package `tokenizers`
 *
 * It ends with status 1 if anything differs.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createChatTemplate, loadTokenizer } from "@alignkit/tokenizer";

const { values } = parseArgs({
  options: {
    templates: { type: "string" },
    gpt2: { type: "string" },
    tokenizer: { type: "string" },
    text: { type: "string" },
    python: { type: "string", default: "python3" },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));
let differences = 0;

if (values.templates !== undefined) checkTemplates(values.templates);
const temporary = mkdtempSync(join(tmpdir(), "alignkit-check-"));
try {
  if (values.gpt2 !== undefined) {
    writeFileSync(join(temporary, "tokenizer.json"), JSON.stringify(gpt2Tokenizer(values.gpt2)));
    await checkTokenizer(temporary, "GPT-2");
  }
  if (values.tokenizer !== undefined) await checkTokenizer(values.tokenizer, values.tokenizer);
} finally {
  rmSync(temporary, { recursive: true });
}
process.exitCode = differences === 0 ? 0 : 1;

interface TemplateCase {
  readonly chat_template: string;
  readonly data: {
    readonly messages: readonly { readonly role: string }[];
    readonly tools?: readonly unknown[];
    readonly add_generation_prompt?: boolean;
    readonly [name: string]: unknown;
  };
  readonly target: string;
}

function checkTemplates(path: string): void {
  const groups: Readonly<Record<string, Readonly<Record<string, TemplateCase>>>> = readJson(path);
  const cases = Object.values(groups).flatMap((group) => Object.entries(group));
  let equal = 0;
  for (const [name, { chat_template: source, data, target }] of cases) {
    const { messages, tools, add_generation_prompt: given, ...variables } = data;
    // The date that the renderings were made on.
    const date =
      /\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December) \d{4}/;
    const strftime_now = () => date.exec(target)?.[0] ?? "";
    const template = createChatTemplate(new Map([["default", source]]), new Map());
    // transformers always says whether to add a generation prompt; where these do not, a template may choose.
    const prompts = given === undefined ? [false, true] : [given];
    const texts = prompts.map(
      (addGenerationPrompt) =>
        template.render(messages, { addGenerationPrompt, tools, variables: { ...variables, strftime_now } })
          .text,
    );
    if (texts.includes(target)) equal++;
    else
      say(
        `${name}: ${JSON.stringify(texts[0]).slice(0, 200)} is not ${JSON.stringify(target).slice(0, 200)}`,
      );
  }
  differences += cases.length - equal;
  say(`chat templates: ${equal} of ${cases.length} equal`);
}

/** Files of the original release as `tokenizer.json`. */
function gpt2Tokenizer(directory: string): object {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const lines = readFileSync(join(directory, "vocab.bpe"), "utf8").split("\n");
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: true };
  return {
    version: "1.0",
    added_tokens: [{ id: 50256, content: "<|endoftext|>", ...flags }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: {
      type: "BPE",
      vocab: readJson(join(directory, "encoder.json")),
      merges: lines.slice(1).filter((line) => line !== ""),
    },
  };
}

/** Ids, offsets and texts of every paragraph, against the Rust library. */
async function checkTokenizer(directory: string, name: string): Promise<void> {
  if (values.text === undefined) throw new RangeError("--text: name a file of text");
  const texts = readFileSync(values.text, "utf8").split(/\n\s*\n/);
  const program = `
import json, sys
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
for encoding in tokenizer.encode_batch(json.load(sys.stdin)):
    decoded = tokenizer.decode(encoding.ids, skip_special_tokens=False)
    print(json.dumps([encoding.ids, encoding.offsets, decoded]))
`;
  const output = execFileSync(values.python, ["-c", program, join(directory, "tokenizer.json")], {
    input: JSON.stringify(texts),
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  const tokenizer = await loadTokenizer(directory);
  let wrong = 0;
  let tokens = 0;
  for (const [index, line] of output.trimEnd().split("\n").entries()) {
    const text = texts[index] as string;
    const { ids, offsets } = tokenizer.encodeWithOffsets(text);
    const count = codePointCounts(text);
    const shown = offsets.map(([start, end]) => [count[start], count[end]]);
    const isEqual =
      JSON.stringify([ids, shown, tokenizer.decode(ids)]) === JSON.stringify(JSON.parse(line)) &&
      String(tokenizer.encode(text)) === String(ids);
    tokens += ids.length;
    if (isEqual) continue;
    if (wrong++ < 3) say(`${name}: differs on ${JSON.stringify(text.slice(0, 200))}`);
  }
  differences += wrong;
  say(
    `${name}: ${tokens} tokens of ${texts.length} texts: ids, offsets and texts equal but for ${wrong} texts`,
  );
}

/** How many code points stand before each UTF-16 unit: the Rust library counts those. */
function codePointCounts(text: string): readonly number[] {
  const counts: number[] = [];
  let count = 0;
  for (const character of text) {
    for (let unit = 0; unit < character.length; unit++) counts.push(count);
    count++;
  }
  return [...counts, count];
}
