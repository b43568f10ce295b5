import { runCli } from "./cli.js";
import { processTerminal } from "./terminal/terminal.js";

// `alignkit score .. | head` closes the pipe; nobody reads what would follow.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

// The code is set, not exited with, so that what was written reaches a pipe.
process.exitCode = await runCli(process.argv.slice(2), processTerminal());
