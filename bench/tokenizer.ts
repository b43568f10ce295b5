/**
 * Tokenizing and training a tokenizer, beside transformers' fast tokenizers.
 *
 *     node --conditions=@alignkit/source --import tsx bench/tokenizer.ts --text FILE [--text FILE ..] [options]
 *
 *     --tokenizer DIR   tokenizes with this one; else with the one that is trained
 *     --merges N        to be learned, 8000 unless given; 0 trains none
 *     --rounds N        5 unless given
 *     --python PATH     as for `npm run bench`; without one, ours alone
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadTokenizer, saveTokenizer, trainByteLevelBpe } from "@alignkit/tokenizer";
import { describeCommit, describeMachine, load } from "./machine.js";
import { findPython } from "./python.js";
import { median } from "./statistics.js";

const { values } = parseArgs({
  options: {
    text: { type: "string", multiple: true, default: [] },
    tokenizer: { type: "string" },
    merges: { type: "string", default: "8000" },
    rounds: { type: "string", default: "5" },
    python: { type: "string" },
  },
});
if (values.text.length === 0) throw new RangeError("--text: name at least one file of text");

const text = values.text.map((path) => readFileSync(path, "utf8")).join("\n");
const megabytes = Buffer.byteLength(text) / 1e6;
const documents = text.split(/\n\s*\n/).filter((document) => document !== "");
const merges = Number(values.merges);
const python = findPython(values.python);
const directory = mkdtempSync(join(tmpdir(), "alignkit-bench-"));
const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  say(`${describeMachine()}, load ${load().toFixed(1)}, ${describeCommit()}, Node ${process.version}`);
  say(`${megabytes.toFixed(1)} MB of text, ${documents.length} documents`);

  if (merges > 0) {
    const special = 3; // BOS, EOS and padding
    const start = performance.now();
    const trained = trainByteLevelBpe({ texts: documents, vocabularySize: 256 + special + merges });
    const seconds = (performance.now() - start) / 1000;
    say(`train ${merges} merges: ${seconds.toFixed(1)} s`);
    await saveTokenizer(trained, directory);
  }

  const used = values.tokenizer ?? directory;
  const tokenizer = await loadTokenizer(used);
  const ours: number[] = [];
  const peers: number[] = [];
  let tokens = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    const start = performance.now();
    tokens = 0;
    for (const document of documents)
      tokens += tokenizer.encode(document, { addSpecialTokens: false }).length;
    ours.push((performance.now() - start) / 1000);
    if (python === null) continue;
    const answer = JSON.parse(
      execFileSync(python, [fileURLToPath(new URL("peers/tokenizer.py", import.meta.url)), used], {
        input: JSON.stringify(documents),
        encoding: "utf8",
        maxBuffer: 2 ** 20,
      }),
    ) as { readonly tokens: number; readonly seconds: number };
    if (answer.tokens !== tokens)
      throw new Error(`ours gives ${tokens} tokens, transformers ${answer.tokens}`);
    peers.push(answer.seconds);
  }
  const rate = (seconds: readonly number[]) => `${(megabytes / median(seconds)).toFixed(2)} MB/s`;
  say(`tokenize, ${tokens} tokens, first round ${(megabytes / (ours[0] as number)).toFixed(2)} MB/s`);
  say(`  ours          ${rate(ours)}`);
  if (python === null) say("  transformers  no Python; see bench/README.md");
  else {
    say(`  transformers  ${rate(peers)} (all documents in one call)`);
    say(
      `  time of ours over theirs ${median(ours.map((seconds, round) => seconds / (peers[round] as number))).toFixed(2)}`,
    );
  }
} finally {
  rmSync(directory, { recursive: true });
}
