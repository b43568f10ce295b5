import { type Command, Option } from "commander";
import { addVerb, debugOption, type Session } from "../session.js";

const dtypes = ["float32", "float16", "bfloat16", "q8", "q4"] as const;
export type ExportDtype = (typeof dtypes)[number];

/** As commander gives them. */
export interface ExportFlags {
  readonly model: string;
  readonly out: string;
  readonly format: "transformers" | "onnx";
  readonly dtype: readonly ExportDtype[];
  readonly overwrite?: boolean;
}

/** `alignkit export` */
export function addExport(program: Command, session: Session): void {
  addVerb(program, "export", "Writes a model for other programs; a LoRA adapter is merged into its base", [
    "export --model runs/sft/artifacts/sft.policy --out merged",
    "export --model runs/sft/artifacts/sft.policy --out for-the-browser --format onnx --dtype float32 q4",
  ])
    .requiredOption("--model <directory>", "a model directory or a LoRA adapter")
    .requiredOption("--out <directory>", "where to write it")
    .addOption(
      new Option(
        "--format <name>",
        "transformers: config.json and safetensors; onnx: beside config.json, onnx/model.onnx as transformers.js runs it",
      )
        .choices(["transformers", "onnx"])
        .default("transformers"),
    )
    .addOption(
      new Option(
        "--dtype <name...>",
        "how weights are held; transformers: one of float32, float16, bfloat16; onnx: float32, q8, q4, each in a file of its own",
      )
        .choices(dtypes)
        .default(["float32"]),
    )
    .option("--overwrite", "replace a directory that is not empty")
    .option(...debugOption)
    .action(async (flags: ExportFlags) => {
      const { exportModel } = await import("../export/export-model.js");
      await exportModel(session, flags);
    });
}
