/** What the command lines of the bench and of the performance page share. */

/** What `parse` makes of the command line; after help, or what is wrong with it, the process ends. */
export function readCommandLine<T extends { readonly help: boolean }>(
  parse: (list: readonly string[]) => T,
  usage: string,
): T {
  let given: T;
  try {
    given = parse(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
  if (given.help) {
    console.log(usage);
    process.exit();
  }
  return given;
}

/**
 * A list of names between commas.
 * @throws {RangeError} when one is not known
 */
export function oneOf<T extends string>(
  option: string,
  text: string | undefined,
  known: readonly T[],
  otherwise: readonly T[] = known,
): readonly T[] {
  if (text === undefined) return otherwise;
  return text.split(",").map((name) => {
    const found = known.find((entry) => entry === name);
    if (found === undefined) throw new RangeError(`${option}: "${name}" is not one of ${known.join(", ")}`);
    return found;
  });
}

/** @throws {RangeError} for anything else */
export function positiveInteger(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${option}: "${text}" is not a whole number above 0`);
  return value;
}
