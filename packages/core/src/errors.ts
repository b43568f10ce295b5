/**
 * The base of every error that alignkit throws on purpose.
 *
 * `code` is stable and meant for programs; the message is meant for people: the place, the actual values, the remedy.
 * Recognised across duplicate copies of the package by a registered symbol, see {@link isAlignkitError}.
 */
const marker = Symbol.for("alignkit.error");

/** What an error carries besides its message. */
export interface AlignkitErrorOptions {
  readonly cause?: unknown;
  /** What the message says, as fields. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error with a stable `code`; subclasses fix the code. */
export class AlignkitError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: AlignkitErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, marker, { value: true });
  }
}

/** Whether `value` is an alignkit error, from whichever copy of the package it came. */
export function isAlignkitError(value: unknown): value is AlignkitError {
  return typeof value === "object" && value !== null && marker in value;
}

/** Shapes or dtypes that do not fit an operation; thrown while tracing, at the caller's line. */
export class ShapeMismatchError extends AlignkitError {
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super("SHAPE_MISMATCH", message, { details });
  }
}

/** A configuration value that cannot be used. */
export class ConfigError extends AlignkitError {
  constructor(message: string, options: AlignkitErrorOptions = {}) {
    super("CONFIG_INVALID", message, options);
  }
}

/** A file or a record in it that cannot be used; the message starts with `file:line`. */
export class DataError extends AlignkitError {
  constructor(message: string, options: AlignkitErrorOptions = {}) {
    super("DATA_INVALID", message, options);
  }
}

/** A pipeline whose stages do not fit together; found before any work. */
export class WiringError extends AlignkitError {
  constructor(message: string, options: AlignkitErrorOptions = {}) {
    super("WIRING_INVALID", message, options);
  }
}

/** A backend, device or library that is not there or refused its work. */
export class BackendError extends AlignkitError {
  constructor(message: string, options: AlignkitErrorOptions = {}) {
    super("BACKEND_FAILED", message, options);
  }
}

/** A checkpoint or artifact that is incomplete or was changed. */
export class CheckpointError extends AlignkitError {
  constructor(message: string, options: AlignkitErrorOptions = {}) {
    super("CHECKPOINT_INVALID", message, options);
  }
}

/** Thrown when work stops because its abort signal fired, after state was saved. */
export class InterruptedError extends AlignkitError {
  constructor(message: string, options: AlignkitErrorOptions = {}) {
    super("INTERRUPTED", message, options);
  }
}
