/**
 * A tokenizer that cannot be read, trained or used.
 *
 * It has the shape of the other packages' errors (`code`, `details`) and carries the same registered symbol, so that
 * programs recognise it without this package depending on them.
 */
export class TokenizerError extends Error {
  readonly code = "TOKENIZER_INVALID";
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TokenizerError";
    this.details = options.details ?? {};
    Object.defineProperty(this, Symbol.for("alignkit.error"), { value: true });
  }
}
