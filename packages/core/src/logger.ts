/** Where sentences for people go. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

/** How much a message matters. */
export type LogLevel = keyof Logger;

/** Drops everything. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {} };

/** A logger that hands each message to one function, with a prefix if given: `sft: resumed at step 40`. */
export function createLogger(write: (level: LogLevel, message: string) => void, prefix = ""): Logger {
  const start = prefix === "" ? "" : `${prefix}: `;
  return {
    debug: (message) => write("debug", start + message),
    info: (message) => write("info", start + message),
    warn: (message) => write("warn", start + message),
  };
}

/** The same logger with each message prefixed. */
export function prefixLogger(logger: Logger, prefix: string): Logger {
  return createLogger((level, message) => logger[level](message), prefix);
}
