import { DataError, isAlignkitError } from "@alignkit/core";

/** As `Promise.all`, but it waits for all, and tells the problems of all. */
export async function awaitAll<T extends readonly unknown[]>(
  values: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(values);
  const errors = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  const [first] = errors;
  const foreign = errors.find((error) => !isAlignkitError(error));
  if (foreign !== undefined) throw foreign;
  if (errors.length === 1) throw first;
  if (errors.length > 1) {
    const problems = [...new Set(errors.map((error) => (error as Error).message))];
    throw new DataError(problems.join("\n"), { details: { problems }, cause: first });
  }
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
