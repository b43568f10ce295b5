/** Data of each format, about sums of small numbers: enough to see every stage work, not to learn anything from. */

/** Lines of one file by its name. */
export type ExampleData = Readonly<Record<string, readonly object[]>>;

const numbers = Array.from({ length: 10 }, (_, number) => number);
const sums = numbers.flatMap((a) => numbers.map((b) => ({ a, b })));
/** One sum in five, so that no two neighbours are alike. */
const some = sums.filter((_, index) => index % 5 === 3);

const question = (a: number, b: number) => `What is ${a} plus ${b}?\nAnswer:`;

export function exampleData(): ExampleData {
  return {
    "texts.jsonl": sums.map(({ a, b }) => ({
      text: `${a} plus ${b} is ${a + b}, and ${b} plus ${a} is ${a + b} too.`,
    })),
    "demonstrations.jsonl": sums.map(({ a, b }) => ({ prompt: question(a, b), completion: ` ${a + b}` })),
    "conversations.jsonl": some.map(({ a, b }) => ({
      messages: [
        { role: "system", content: "You add numbers." },
        { role: "user", content: `${a} + ${b}?` },
        { role: "assistant", content: `${a + b}` },
      ],
    })),
    // Rank 1 is best; equal ranks are ties.
    "rankings.jsonl": sums.map(({ a, b }) => ({
      prompt: question(a, b),
      responses: [` ${a + b}`, ` It is ${a + b}.`, ` ${a + b + 1}`, " I do not say."],
      ranks: [1, 1, 2, 3],
    })),
    "preferences.jsonl": some.map(({ a, b }) => ({
      prompt: question(a, b),
      chosen: ` ${a + b}`,
      rejected: ` ${a + b + 1}`,
    })),
    "prompts.jsonl": sums.map(({ a, b }) => ({ prompt: question(a, b) })),
  };
}

/** A text as ids; `labels` says what is learned, -100 what is not. */
export function pretokenizedRow(prompt: readonly number[], completion: readonly number[]): object {
  return { input_ids: [...prompt, ...completion], labels: [...prompt.map(() => -100), ...completion] };
}
