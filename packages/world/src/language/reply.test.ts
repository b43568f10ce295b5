import { describe, expect, it } from "vitest";
import { readReply } from "./reply.js";

describe("readReply", () => {
  it("takes the opening off, and splits sentences", () => {
    const reply = readReply(" Sure, the fox is red. it eats honey.");
    expect(reply.opensCourteously).toBe(true);
    expect(reply.sentences).toEqual([
      { words: ["the", "fox", "is", "red"], mark: "." },
      { words: ["it", "eats", "honey"], mark: "." },
    ]);
    expect(reply.words).toHaveLength(8);
    expect(reply.closes).toBe(true);
  });

  it("sees a cut-off end", () => {
    expect(readReply("the fox is red. it eats").closes).toBe(false);
    expect(readReply("").closes).toBe(false);
  });

  it("stops at the next turn", () => {
    const reply = readReply("the fox is red.\nuser: where does the owl live?");
    expect(reply.drifts).toBe(true);
    expect(reply.sentences).toHaveLength(1);
  });
});
