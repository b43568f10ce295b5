/**
 * Where floats may be other than 0: a byte for each piece of 256, which is 0 if all of them are +0.
 *
 * The gradient of an embedding is 0 but for the rows of a batch's tokens, and the moments of its optimizer are but for
 * those of all tokens so far. Who knows where need not clear, read or write the rest: most of a reward model's
 * embedding, a third of GPT-2's parameters. A mark is never changed once it is given to a tensor.
 */
export type Touched = Readonly<Uint8Array>;

/** Floats that one byte speaks for, as the kernel of AdamW passes over them. */
export const pieceLength = 256;

export const nothingTouched = (length: number): Touched => new Uint8Array(Math.ceil(length / pieceLength));

/** Looks through all floats. */
export function findTouched({ buffer, byteOffset, length }: Float32Array): Touched {
  const bits = new Int32Array(buffer, byteOffset, length);
  return Uint8Array.from({ length: Math.ceil(length / pieceLength) }, (_, piece) => {
    const end = Math.min(length, (piece + 1) * pieceLength);
    let at = piece * pieceLength;
    while (at < end && bits[at] === 0) at++;
    return at < end ? 1 : 0;
  });
}

/** With rows of `width` floats, too. */
export function withRows(touched: Touched, rows: ArrayLike<number>, width: number): Touched {
  const marks = touched.slice();
  for (let index = 0; index < rows.length; index++) {
    const start = (rows[index] as number) * width;
    marks.fill(1, Math.floor(start / pieceLength), Math.ceil((start + width) / pieceLength));
  }
  return marks;
}

/** What is touched in any of them, all of one length. */
export function unionOf(first: Touched, ...others: readonly Touched[]): Touched {
  const marks = first.slice();
  for (const other of others)
    for (let piece = 0; piece < marks.length; piece++)
      marks[piece] = (marks[piece] as number) | (other[piece] as number);
  return marks;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** In order, the floats below `length` that are in touched pieces; all of them where nothing is known. */
export function touchedRanges(touched: Touched | undefined, length: number): readonly Range[] {
  if (touched === undefined) return [{ start: 0, end: length }];
  const ranges: Range[] = [];
  for (let piece = touched.indexOf(1); piece >= 0; ) {
    const next = touched.indexOf(0, piece);
    const end = next < 0 ? touched.length : next;
    if (piece * pieceLength < length)
      ranges.push({ start: piece * pieceLength, end: Math.min(length, end * pieceLength) });
    piece = touched.indexOf(1, end);
  }
  return ranges;
}
