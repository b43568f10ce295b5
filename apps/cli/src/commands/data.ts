import type { Command } from "commander";
import type { Session } from "../session.js";
import { addDataPrepare } from "./data-prepare.js";

/** `alignkit data`: a verb for each thing that is done with data files. */
export function addData(program: Command, session: Session): void {
  const command = program.command("data").description("Prepares data files for training");
  addDataPrepare(command, session);
}
