/**
 * A command that cannot be meant as it is written.
 *
 * Not one of the core's errors, because what a short command (`--help`) needs must not load the core.
 */
export class UsageError extends Error {
  readonly code = "USAGE";

  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
