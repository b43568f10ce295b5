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
  type WeightDtype,
  writeModelDirectory,
} from "@alignkit/models";
import type { ExportDtype, ExportFlags } from "../commands/export.js";
import type { Session } from "../session.js";

/** Of safetensors. */
const weightDtypes: { readonly [K in ExportDtype]?: WeightDtype } = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
};

/** Of ONNX: bits, and the file in which transformers.js looks for its `dtype` fp32, q8, q4. */
const onnxDtypes: { readonly [K in ExportDtype]?: { readonly bits: 4 | 8 | 32; readonly file: string } } = {
  float32: { bits: 32, file: "model.onnx" },
  q8: { bits: 8, file: "model_quantized.onnx" },
  q4: { bits: 4, file: "model_q4.onnx" },
};

export async function exportModel({ terminal }: Session, flags: ExportFlags): Promise<void> {
  const source = resolve(terminal.workingDirectory, flags.model);
  const target = resolve(terminal.workingDirectory, flags.out);
  const known = flags.format === "onnx" ? onnxDtypes : weightDtypes;
  const unknown = flags.dtype.find((dtype) => known[dtype] === undefined);
  if (unknown !== undefined) {
    throw new ConfigError(
      `--dtype ${unknown}: with --format ${flags.format} give ${Object.keys(known).join(", ")}`,
    );
  }
  const model = mergeLora<ModelDirectory>(await readModelDirectory(source));
  const options = { overwrite: flags.overwrite ?? false, files: await readTokenizerFiles(source) };
  if (flags.format === "onnx") {
    const weights = onnxModels(model, flags);
    await writeModelDirectory(target, model, { ...options, weights });
  } else {
    const [dtype = "float32", ...others] = flags.dtype;
    if (others.length > 0) {
      throw new ConfigError(`--dtype ${flags.dtype.join(" ")}: a transformers directory holds one; give one`);
    }
    await writeModelDirectory(target, model, { ...options, dtype: weightDtypes[dtype] as WeightDtype });
  }
  terminal.stderr.write(`${flags.out}: written\n`);
}

/** By path within the directory. */
function onnxModels(
  { config, head, parameters }: ModelDirectory,
  { model, dtype: dtypes }: ExportFlags,
): ReadonlyMap<string, Uint8Array> {
  if (head !== "language_model") {
    throw new ConfigError(`${model}: holds a reward model; ONNX is written of language models only`);
  }
  const { parameters: names, ...decoder } = exportDecoder(config);
  const weights = names.map((name) => ({ name, data: parameters.get(name)?.data as Float32Array }));
  return new Map(
    dtypes.map((dtype) => {
      const { bits, file } = onnxDtypes[dtype] as NonNullable<(typeof onnxDtypes)[ExportDtype]>;
      return [`onnx/${file}`, exportOnnx({ ...decoder, weights, bits })];
    }),
  );
}
