/**
 * Tokens of prompts and best answers of real chats: the first 64 English conversations of OpenAssistant's evaluation set
 * (`en_100_tree.jsonl`, Apache-2.0) with at most 512 tokens, under GPT-2's tokenizer, the end token included.
 */
const lengths = `
  13 80, 22 294, 14 267, 21 333, 11 384, 17 309, 10 66, 27 193
  28 370, 11 84, 25 79, 25 414, 80 236, 31 279, 23 264, 18 226
  13 264, 49 337, 15 252, 30 217, 14 224, 56 234, 7 113, 7 21
  11 329, 6 33, 13 311, 67 107, 19 69, 245 191, 98 109, 6 333
  64 251, 33 305, 6 439, 19 177, 21 148, 38 215, 10 66, 12 267
  18 62, 7 205, 21 84, 40 77, 2 17, 20 208, 69 208, 12 99
  49 237, 46 327, 18 126, 7 84, 19 123, 10 286, 11 119, 15 308
  27 294, 10 164, 11 24, 35 444, 8 274, 7 444, 12 122, 9 366`;

export const chatLengths: readonly (readonly [prompt: number, completion: number])[] = lengths
  .split(/[,\n]/)
  .filter((pair) => pair.trim() !== "")
  .map((pair) => {
    const [prompt, completion] = pair.trim().split(" ").map(Number);
    return [prompt as number, completion as number];
  });
