import { ConfigError } from "@alignkit/core";
import type { ModelConfig } from "./config.js";

/**
 * Refuses a model whose padding token also ends a text. Here masks come from lengths; but most other programs leave out
 * of the loss what has the padding id, so that a model trained there with such a config never learns to end.
 * @param place - named in the error
 * @throws {ConfigError} saying what to write instead
 */
export function requireOwnPadding(
  { padTokenId, eosTokenIds }: Pick<ModelConfig, "padTokenId" | "eosTokenIds">,
  place: string,
): void {
  if (padTokenId === null || !eosTokenIds.includes(padTokenId)) return;
  throw new ConfigError(
    `${place}: ${padTokenId} is both pad_token_id and an eos_token_id, so that the end of a text looks like padding; set pad_token_id to null (no padding token is needed here: masks come from lengths), or to a token that is nothing else`,
    { details: { padTokenId, eosTokenIds } },
  );
}
