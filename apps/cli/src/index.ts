export { runCli } from "./cli.js";
export { builtInPlugins, loadRegistry, type PluginReference } from "./plugins.js";
export { writeReport } from "./report/write-report.js";
export { processTerminal, type Terminal, type TextOutput } from "./terminal/terminal.js";
