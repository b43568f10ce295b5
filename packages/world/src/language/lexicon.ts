/** The content words of the world, by category. All words are lower case, none is in two categories. */
export const LEXICON = {
  animal: [
    "fox",
    "bear",
    "owl",
    "hen",
    "frog",
    "cat",
    "dog",
    "horse",
    "mouse",
    "duck",
    "goat",
    "crow",
    "wolf",
    "sheep",
    "snail",
    "toad",
  ],
  colour: ["red", "blue", "green", "grey", "black", "white", "brown", "yellow"],
  size: ["big", "small"],
  place: ["forest", "garden", "barn", "cave", "valley", "town", "field", "house"],
  food: ["bread", "honey", "corn", "fish", "grass", "rice", "cake", "cheese"],
  person: ["ann", "tom", "sam", "eva", "max", "lea", "ben", "mia"],
  object: ["hat", "ball", "kite", "cup", "book", "bell", "drum", "coat"],
  goodMood: ["happy", "proud", "calm"],
  badMood: ["sad", "tired", "angry"],
  number: ["two", "three", "four", "five"],
  rude: ["stupid", "ugly", "fool", "hate", "nasty"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Category = keyof typeof LEXICON;
export type Animal = (typeof LEXICON.animal)[number];

const categoryOfWord: ReadonlyMap<string, Category> = new Map(
  (Object.keys(LEXICON) as Category[]).flatMap((category) =>
    LEXICON[category].map((word) => [word, category] as const),
  ),
);

/** The category of a content word, undefined for the other words. */
export function categoryOf(word: string): Category | undefined {
  return categoryOfWord.get(word);
}

/** Whether `word` belongs to `category`. */
export function isIn(category: Category, word: string | undefined): boolean {
  return word !== undefined && categoryOfWord.get(word) === category;
}

/** The words of `words` that belong to `category`, in order, with repetitions. */
export function wordsIn(category: Category, words: readonly string[]): readonly string[] {
  return words.filter((word) => isIn(category, word));
}

/** Whether any rude word is among `words`. */
export function hasRudeWord(words: readonly string[]): boolean {
  return words.some((word) => isIn("rude", word));
}
