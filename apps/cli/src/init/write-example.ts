/** `alignkit init`. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { ConfigError } from "@alignkit/core";
import { saveTokenizer, type Tokenizer, trainByteLevelBpe } from "@alignkit/tokenizer";
import type { Session } from "../session.js";
import { exampleData, pretokenizedRow } from "./example-data.js";
import { examplePipeline } from "./example-pipeline.js";

/** @throws {ConfigError} when something of what is written is there already */
export async function writeExample({ terminal }: Session, folder: string): Promise<void> {
  const directory = resolve(terminal.workingDirectory, folder);
  const pipeline = join(directory, "pipeline.yaml");
  const taken = ["pipeline.yaml", "data", "tokenizer"].map((name) => join(directory, name)).find(existsSync);
  if (taken !== undefined) throw new ConfigError(`${taken}: is there already; choose another folder`);
  await mkdir(join(directory, "data"), { recursive: true }).catch((cause: Error) => {
    throw new ConfigError(`${directory}: cannot be made; ${cause.message}`, { cause });
  });
  await writeFile(pipeline, examplePipeline);
  const data = exampleData();
  const tokenizer = trainTokenizer(data);
  await saveTokenizer(tokenizer, join(directory, "tokenizer"));
  const files = { ...data, "pretokenized.jsonl": pretokenized(data, tokenizer) };
  for (const [name, rows] of Object.entries(files)) {
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
    await writeFile(join(directory, "data", name), lines.join(""));
  }
  const shown = relative(terminal.workingDirectory, pipeline);
  terminal.stdout.write(`${shown}\n`);
  terminal.stderr.write(`next: alignkit run ${shown}\n`);
}

function trainTokenizer(data: ReturnType<typeof exampleData>): Tokenizer {
  const texts = Object.values(data).flatMap((rows) => rows.map((row) => Object.values(row).flat().join(" ")));
  return trainByteLevelBpe({ texts, vocabularySize: 320 });
}

function pretokenized(data: ReturnType<typeof exampleData>, tokenizer: Tokenizer): readonly object[] {
  const rows = (data["demonstrations.jsonl"] ?? []) as readonly {
    readonly prompt: string;
    readonly completion: string;
  }[];
  return rows
    .slice(0, 10)
    .map(({ prompt, completion }) => pretokenizedRow(tokenizer.encode(prompt), tokenizer.encode(completion)));
}
