import type { Command } from "commander";
import { createPaint, type Paint } from "./terminal/color.js";
import { createScreen, type Screen } from "./terminal/screen.js";
import type { Terminal } from "./terminal/terminal.js";

/** One call of the command. */
export interface Session {
  readonly argv: readonly string[];
  readonly terminal: Terminal;
  /** Of stderr, where everything goes that is not a result. */
  readonly paint: Paint;
  readonly screen: Screen;
  readonly isDebug: boolean;
}

export function createSession(argv: readonly string[], terminal: Terminal): Session {
  return {
    argv,
    terminal,
    paint: createPaint(terminal.stderr, terminal),
    screen: createScreen(terminal.stderr),
    isDebug: argv.includes("--debug"),
  };
}

/** Adds a verb with what all verbs have. @param examples - lines of the help, without `alignkit` */
export function addVerb(
  program: Command,
  name: string,
  description: string,
  examples: readonly string[],
): Command {
  const path = program.parent === null ? name : `${program.name()} ${name}`;
  const lines = examples.map((example) => `  alignkit ${example}\n`).join("");
  const command = program
    .command(name)
    .description(description)
    .showHelpAfterError(`("alignkit ${path} --help" lists the options)`);
  return lines === "" ? command : command.addHelpText("after", `\nExamples:\n${lines.trimEnd()}`);
}

/** `--debug`, at the end of each verb's options. */
export const debugOption = ["--debug", "print more, and the stack of an error"] as const;
