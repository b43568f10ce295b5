import { runCli } from "./cli.js";
import { processTerminal } from "./terminal/terminal.js";

// The code is set, not exited with, so that what was written reaches a pipe.
process.exitCode = await runCli(process.argv.slice(2), processTerminal());
