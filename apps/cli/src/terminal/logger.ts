import { createLogger, type Logger } from "@alignkit/core";
import type { Paint } from "./color.js";
import type { Screen } from "./screen.js";

/** Sentences for people, above the bar; details only when asked for. */
export function createTerminalLogger(screen: Screen, paint: Paint, isDebug: boolean): Logger {
  return createLogger((level, message) => {
    if (level === "debug" && !isDebug) return;
    const text = level === "warn" ? `${paint("yellow", "warning:")} ${message}` : message;
    screen.line(level === "debug" ? paint("dim", text) : text);
  });
}
