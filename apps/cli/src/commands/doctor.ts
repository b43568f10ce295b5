import type { Command } from "commander";
import { backendOption, pluginOption } from "../options/run-options.js";
import { addVerb, debugOption, type Session } from "../session.js";

export interface DoctorFlags {
  readonly backend?: string;
  readonly plugin?: readonly string[];
}

/** `alignkit doctor` */
export function addDoctor(program: Command, session: Session): void {
  addVerb(program, "doctor", "Tells what this machine has, and checks a backend against the reference", [
    "doctor",
    "doctor --backend onnx:cuda",
  ])
    .addOption(backendOption())
    .addOption(pluginOption())
    .option(...debugOption)
    .action(async (flags: DoctorFlags) => {
      const { examine } = await import("../doctor/examine.js");
      await examine(session, flags);
    });
}
