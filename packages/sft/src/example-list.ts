/** Examples to train on, in memory or in a file. */
import { createTokenFile, type TokenRows } from "@alignkit/data";
import type { Example } from "./batches.js";

/** An array is one. */
export interface ExampleList {
  readonly length: number;
  at(index: number): Example | undefined;
  /** Of a list in a file, which is gone then. */
  close?(): void;
}

export function* eachExample(list: ExampleList): Generator<Example> {
  for (let index = 0; index < list.length; index++) yield list.at(index) as Example;
}

/**
 * @param directory - where a file without a name takes them; undefined keeps them in memory
 * @param hasDocuments - whether the examples have `documentIds`
 */
export async function gatherExamples(
  stream: AsyncIterable<Example>,
  directory: string | undefined,
  hasDocuments = false,
): Promise<ExampleList> {
  if (directory === undefined) {
    const examples: Example[] = [];
    for await (const example of stream) examples.push(example);
    return examples;
  }
  const writer = await createTokenFile(directory, hasDocuments ? 3 : 2);
  try {
    for await (const { inputIds, labels, documentIds } of stream) {
      await writer.append(documentIds === undefined ? [inputIds, labels] : [inputIds, labels, documentIds]);
    }
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const file = await writer.finish();
  const toExample = ([inputIds, labels, documentIds]: TokenRows): Example => ({
    inputIds: inputIds as Int32Array,
    labels: labels as Int32Array,
    ...(documentIds === undefined ? {} : { documentIds }),
  });
  return {
    length: file.length,
    at(index) {
      const rows = file.at(index);
      return rows && toExample(rows);
    },
    close: () => file.close(),
  };
}
