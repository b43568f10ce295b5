/** The known name that is most like a given one; `undefined` when none is close. */
export function nearestName(given: string, known: Iterable<string>): string | undefined {
  const plain = normalize(given);
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(plain, normalize(name));
    const isBeginning = plain.length >= 3 && normalize(name).startsWith(plain);
    const isClose =
      isBeginning || distance <= Math.max(1, Math.floor(Math.max(plain.length, name.length) * 0.4));
    if (isClose && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** `; did you mean "learning_rate"?`, or what is known. */
export function suggestion(given: string, known: readonly string[]): string {
  const nearest = nearestName(given, known);
  return nearest === undefined ? `; known: ${[...known].sort().join(", ")}` : `; did you mean "${nearest}"?`;
}

const normalize = (name: string) => name.toLowerCase().replace(/[-_ ]/g, "");

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let cost = Math.min(
        (last[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (last[column - 1] as number) + same,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, (beforeLast[column - 2] as number) + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] as number;
}
