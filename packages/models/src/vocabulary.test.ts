import { ConfigError } from "@alignkit/core";
import { describe, expect, it } from "vitest";
import { requireKnownIds } from "./vocabulary.js";

describe("requireKnownIds", () => {
  it("takes a tokenizer that is smaller, as large, or absent, and refuses a larger one", () => {
    const check = (tokenizer: { vocabularySize: number } | undefined) => () =>
      requireKnownIds({ vocabularySize: 620 }, tokenizer, "models/mine");
    for (const tokenizer of [undefined, { vocabularySize: 600 }, { vocabularySize: 620 }]) {
      expect(check(tokenizer)).not.toThrow();
    }
    expect(check({ vocabularySize: 621 })).toThrow(ConfigError);
    expect(check({ vocabularySize: 621 })).toThrow(
      "models/mine: the tokenizer has ids up to 620, but the embedding has 620 rows (vocab_size); use the model's own tokenizer, or one without the added tokens",
    );
  });
});
