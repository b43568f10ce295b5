/** The command line: which verb, and what happens when it fails. */
import { Command, CommanderError } from "commander";
import { addChat } from "./commands/chat.js";
import { addData } from "./commands/data.js";
import { addDemo } from "./commands/demo.js";
import { addDoctor } from "./commands/doctor.js";
import { addExport } from "./commands/export.js";
import { addGenerate } from "./commands/generate.js";
import { addInit } from "./commands/init.js";
import { addPlugins } from "./commands/plugins.js";
import { addPresets } from "./commands/presets.js";
import { addRun } from "./commands/run.js";
import { addScore } from "./commands/score.js";
import { addStages } from "./commands/stages.js";
import { describeFailure, exitCodeOf } from "./failure.js";
import { fetchOptions } from "./hub/local-paths.js";
import { createSession, type Session } from "./session.js";
import type { Terminal } from "./terminal/terminal.js";
import { version } from "./version.js";

type AddVerbs = (program: Command, session: Session) => void | Promise<void>;

/** In the order of the help. */
const groups: readonly { readonly title: string; readonly verbs: readonly AddVerbs[] }[] = [
  { title: "Begin:", verbs: [addDemo, addInit] },
  { title: "Data:", verbs: [addData] },
  { title: "Train:", verbs: [addRun, addStages] },
  { title: "Use:", verbs: [addGenerate, addChat, addScore, addExport] },
  { title: "About this installation:", verbs: [addDoctor, addPlugins, addPresets] },
];

/**
 * Runs one command.
 * @param argv - without node and the script
 * @returns the exit code: 0, 1 when the run failed, 2 for bad usage or config, 130 after Ctrl-C
 */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  const session = createSession(argv, terminal);
  try {
    const program = createProgram(session);
    for (const { title, verbs } of groups) {
      program.commandsGroup(title);
      for (const add of verbs) await add(program, session);
    }
    program.helpCommand("help [command]", "Shows the help of a command");
    await program.parseAsync(argv, { from: "user" });
    return 0;
  } catch (error) {
    session.screen.status("");
    // Commander has printed its message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    terminal.stderr.write(describeFailure(error, session.paint, session.isDebug));
    return exitCodeOf(error);
  }
}

function createProgram(session: Session): Command {
  const { terminal, paint } = session;
  const { stdout, stderr } = terminal;
  const width = (columns: number | undefined) => Math.min(columns || 100, 120);
  return new Command("alignkit")
    .description("Trains language models from human feedback: demonstrations, rankings, PPO.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show this, or the help of a command")
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => width(stdout.columns),
      getErrHelpWidth: () => width(stderr.columns),
      outputError: (text, write) => write(text.replace(/^error:/, paint("red", "error USAGE:"))),
    })
    .showHelpAfterError('("alignkit --help" lists the commands)')
    .exitOverride()
    .hook("preAction", (_, command) => fetchOptions(session, command))
    .addHelpText("after", exampleText);
}

const exampleText = `
Examples:
  alignkit demo                         the whole way on embedded data, in some minutes
  alignkit init my-project              an example pipeline with data of each format
  alignkit run my-project/pipeline.yaml
  alignkit sft --model base --train-files demonstrations.jsonl --output-dir runs/sft
  alignkit generate --model runs/sft/artifacts/sft.policy --prompts prompts.jsonl --out out.jsonl

Exit codes: 0; 1 the run failed; 2 bad usage, config or data; 130 stopped by Ctrl-C.`;
