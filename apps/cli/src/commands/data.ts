import type { Command } from "commander";
import type { Session } from "../session.js";
import { addDataConvert } from "./data-convert.js";
import { addDataInspect } from "./data-inspect.js";
import { addDataPrepare } from "./data-prepare.js";

/** `alignkit data`: a verb for each thing that is done with data files. */
export function addData(program: Command, session: Session): void {
  const command = program.command("data").description("Converts, filters and shows data files");
  addDataPrepare(command, session);
  addDataConvert(command, session);
  addDataInspect(command, session);
}
