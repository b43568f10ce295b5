import type { Command } from "commander";
import { addVerb, debugOption, type Session } from "../session.js";

/** `alignkit init` */
export function addInit(program: Command, session: Session): void {
  addVerb(program, "init", "Writes an example: a pipeline with comments, a tokenizer, data of each format", [
    "init my-project",
    "run my-project/pipeline.yaml",
  ])
    .argument("[folder]", "where to; made if it is not there", ".")
    .option(...debugOption)
    .action(async (folder: string) => {
      const { writeExample } = await import("../init/write-example.js");
      await writeExample(session, folder);
    });
}
