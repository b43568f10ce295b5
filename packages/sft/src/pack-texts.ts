import { ignoredLabel } from "@alignkit/data";
import type { Example } from "./batches.js";

/**
 * Texts one after the other, cut into rows of equal length. Each row begins with the last token of the one before it, so
 * that every token but the first is learned once; the first token of a text is learned from the end of the one before.
 * @param withDocuments - whether rows say which text each token is of
 */
export function packTexts(texts: readonly Example[], length: number, withDocuments = false): Example[] {
  const packer = createPacker(length, withDocuments);
  return [...texts.flatMap((text) => packer.add(text)), ...packer.end()];
}

/** {@link packTexts} for one text after the other. */
export interface Packer {
  /** @returns the rows that this text completes */
  add(text: Example): readonly Example[];
  /** @returns the last row, if anything is left for it */
  end(): readonly Example[];
}

export function createPacker(length: number, withDocuments: boolean): Packer {
  /** What no row has yet; it begins with the last token of the row before. */
  let [ids, labels, documents] = [new Int32Array(0), new Int32Array(0), new Int32Array(0)];
  let count = 0;
  const row = (start: number): readonly Example[] => {
    const part = (values: Int32Array) => values.slice(start, start + length);
    const rowLabels = part(labels);
    rowLabels[0] = ignoredLabel;
    if (rowLabels.every((label) => label === ignoredLabel)) return [];
    return [
      {
        inputIds: part(ids),
        labels: rowLabels,
        ...(withDocuments ? { documentIds: part(documents) } : {}),
      },
    ];
  };
  return {
    add(text) {
      const own = Int32Array.from(text.labels);
      own[0] = text.inputIds[0] as number;
      ids = joined(ids, text.inputIds);
      labels = joined(labels, own);
      documents = joined(documents, new Int32Array(text.inputIds.length).fill(count++));
      const rows: Example[] = [];
      let start = 0;
      for (; start + length <= ids.length; start += length - 1) rows.push(...row(start));
      [ids, labels, documents] = [ids.slice(start), labels.slice(start), documents.slice(start)];
      return rows;
    },
    end: () => (ids.length > 1 ? row(0) : []),
  };
}

function joined(first: Int32Array, second: Int32Array): Int32Array<ArrayBuffer> {
  const both = new Int32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
