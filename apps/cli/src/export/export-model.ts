/** `alignkit export`. */
import { resolve } from "node:path";
import { exportOnnx } from "@alignkit/backend-onnx";
import { ConfigError } from "@alignkit/core";
import {
  exportDecoder,
  type ModelDirectory,
  mergeLora,
  readModelDirectory,
  readTokenizerFiles,
  writeModelDirectory,
} from "@alignkit/models";
import type { ExportFlags } from "../commands/export.js";
import type { Session } from "../session.js";

const dtypes = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const;

export async function exportModel({ terminal }: Session, flags: ExportFlags): Promise<void> {
  const source = resolve(terminal.workingDirectory, flags.model);
  const target = resolve(terminal.workingDirectory, flags.out);
  const model = mergeLora<ModelDirectory>(await readModelDirectory(source));
  const options = { overwrite: flags.overwrite ?? false, files: await readTokenizerFiles(source) };
  if (flags.format === "transformers") {
    await writeModelDirectory(target, model, { ...options, dtype: dtypes[flags.dtype] });
  } else {
    const weights = new Map([["onnx/model.onnx", onnxModel(model, flags)]]);
    await writeModelDirectory(target, model, { ...options, weights });
  }
  terminal.stderr.write(`${flags.out}: written\n`);
}

function onnxModel({ config, head, parameters }: ModelDirectory, { model, dtype }: ExportFlags): Uint8Array {
  if (head !== "language_model") {
    throw new ConfigError(`${model}: holds a reward model; ONNX is written of language models only`);
  }
  if (dtype !== "float32") throw new ConfigError(`--dtype ${dtype}: ONNX is written in float32 only`);
  const { parameters: names, ...decoder } = exportDecoder(config);
  const weights = names.map((name) => ({ name, data: parameters.get(name)?.data as Float32Array }));
  return exportOnnx({ ...decoder, weights });
}
