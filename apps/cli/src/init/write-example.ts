/** `alignkit init`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { ConfigError } from "@alignkit/core";
import { saveTokenizer, type Tokenizer, trainByteLevelBpe } from "@alignkit/tokenizer";
import type { Session } from "../session.js";
import { exampleData, pretokenizedRow } from "./example-data.js";
import { examplePipeline } from "./example-pipeline.js";

/** @throws {ConfigError} when a pipeline is there already */
export async function writeExample({ terminal }: Session, folder: string): Promise<void> {
  const directory = resolve(terminal.workingDirectory, folder);
  const pipeline = join(directory, "pipeline.yaml");
  await mkdir(join(directory, "data"), { recursive: true });
  await writeFile(pipeline, examplePipeline, { flag: "wx" }).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === "EEXIST" ? "is there already; choose another folder" : cause.message;
    throw new ConfigError(`${pipeline}: ${reason}`, { cause });
  });
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
