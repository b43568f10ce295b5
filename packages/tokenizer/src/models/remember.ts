/** Words longer than this are not remembered. */
const longestWord = 256;
const capacity = 1 << 16;

/** `encode` that remembers the answers for short words; forgets all of them when there are too many. */
export function remember<T>(encode: (word: string) => T): (word: string) => T {
  const known = new Map<string, T>();
  return (word) => {
    const found = known.get(word);
    if (found !== undefined) return found;
    const value = encode(word);
    if (word.length > longestWord) return value;
    if (known.size >= capacity) known.clear();
    known.set(word, value);
    return value;
  };
}
