// The product of two matrices in WebAssembly SIMD, written in AssemblyScript; `npm run build:wasm` compiles it.
//
// Goto & van de Geijn 2008: parts of both operands are packed so that they lie as the innermost loop reads them, which
// keeps 4 x 8 sums in registers. A transposed operand is only packed in another order. Pointers and strides are bytes.
// For few rows packing the other operand would be most of the work; it is read where it lies.
//
// Threads over the same memory take parts of a product, each with scratch memory of its own: ranges of matrices, of rows or of
// columns of the result. Each sum is taken by one thread and in one order: the bytes are the same for any number of threads.

import { copyPart, dots, pack, place, rowTile, tile } from "./tiles";

/** Terms of the sums that are packed at once. */
const blockTerms: i32 = 256;
const blockRows: i32 = 64;
const blockColumns: i32 = 512;
/** Up to so many rows the other operand is read where it lies. */
const fewRows: i32 = 32;
/** From so many terms a transposed operand is; to add up the lanes of sums of fewer would take as long as packing it. */
const manyTerms: i32 = 64;
/** Columns of a transposed operand that go through all rows before the next ones: they come from memory once, in a stream. */
const streamColumns: i32 = 64;
/** A tile that is not whole is computed here. */
const tileBytes: usize = 128;

/** What `multiply` needs beside its operands. */
export function scratchBytes(): i32 {
  return <i32>tileBytes + (((blockRows + blockColumns) * blockTerms) << 2);
}

/** Multiplications that are worth a part of their own: a thread needs 50 microseconds to wake up. */
const smallestPart: f64 = 1e6;
/** More parts than threads, for those that come late. */
const partsOfThread: i32 = 2;
/** Looks at what the others have left to do before this thread is put to sleep. */
const looks: i32 = 2000;

/** What threads know of the product under way. */
@unmanaged
class Product {
  /** How many parts nobody has taken, in the lowest byte; the rest tells products apart. */
  turn: i32;
  /** Parts that are not done. */
  pending: i32;
  parts: i32;
  matrices: i32;
  rows: i32;
  terms: i32;
  columns: i32;
  a: usize;
  b: usize;
  result: usize;
  transposeA: bool;
  transposeB: bool;
}

/** Of the memory that threads share beside the operands. */
export function sharedBytes(): i32 {
  return offsetof<Product>();
}

/**
 * `matrices` times `[rows, terms]` by `[terms, columns]`; a transposed operand lies with its axes exchanged.
 * @param shared - {@link sharedBytes}, 0 at first, where threads in {@link help} look for work
 */
export function multiply(
  a: usize,
  transposeA: bool,
  b: usize,
  transposeB: bool,
  result: usize,
  matrices: i32,
  rows: i32,
  terms: i32,
  columns: i32,
  threads: i32,
  shared: usize,
  scratch: usize,
): void {
  const product = changetype<Product>(shared);
  const work = <f64>matrices * <f64>rows * <f64>terms * <f64>columns;
  const parts =
    threads === 1 ? 1 : max(1, <i32>min(<f64>min(threads * partsOfThread, 255), work / smallestPart));
  product.parts = parts;
  product.matrices = matrices;
  product.rows = rows;
  product.terms = terms;
  product.columns = columns;
  product.a = a;
  product.b = b;
  product.result = result;
  product.transposeA = transposeA;
  product.transposeB = transposeB;
  if (parts === 1) {
    computePart(product, 0, scratch);
    return;
  }
  const pending = shared + offsetof<Product>("pending");
  atomic.store<i32>(pending, parts);
  atomic.store<i32>(shared, (((product.turn >> 8) + 1) << 8) | parts);
  atomic.notify(shared, parts - 1);
  takeParts(product, scratch);
  for (let look = 0; look < looks && atomic.load<i32>(pending) > 0; look++) {}
  for (;;) {
    const left = atomic.load<i32>(pending);
    if (left === 0) break;
    atomic.wait<i32>(pending, left, -1);
  }
}

/** Takes parts of products for as long as the thread lives. */
export function help(shared: usize, scratch: usize): void {
  for (;;) {
    const turn = atomic.load<i32>(shared);
    if ((turn & 255) === 0) atomic.wait<i32>(shared, turn, -1);
    takeParts(changetype<Product>(shared), scratch);
  }
}

/** Computes parts of the product until none is left to take. */
function takeParts(product: Product, scratch: usize): void {
  const shared = changetype<usize>(product);
  for (;;) {
    const turn = atomic.load<i32>(shared);
    const part = (turn & 255) - 1;
    if (part < 0) return;
    if (atomic.cmpxchg<i32>(shared, turn, turn - 1) !== turn) continue;
    computePart(product, part, scratch);
    const pending = shared + offsetof<Product>("pending");
    if (atomic.sub<i32>(pending, 1) === 1) atomic.notify(pending, 1);
  }
}

/** Products are cut between matrices if there are enough, else through the longer side of each result. */
function computePart(product: Product, part: i32, scratch: usize): void {
  const matrices = product.matrices;
  const rows = product.rows;
  const columns = product.columns;
  const parts = product.parts;
  const ofMatrices = matrices >= parts ? parts : 1;
  const ofRows = ofMatrices === 1 && rows >= columns ? parts : 1;
  const ofColumns = ofMatrices === 1 && rows < columns ? parts : 1;
  const end = cut(matrices, 1, part, ofMatrices, 1);
  for (let matrix = cut(matrices, 1, part, ofMatrices, 0); matrix < end; matrix++) {
    computeRange(
      product,
      matrix,
      cut(rows, 8, part, ofRows, 0),
      cut(rows, 8, part, ofRows, 1),
      cut(columns, 16, part, ofColumns, 0),
      cut(columns, 16, part, ofColumns, 1),
      scratch,
    );
  }
}

/** The begin (`side` 0) or the end (1) of a part of an axis, at multiples of `step`; all of an axis of one part. */
function cut(size: i32, step: i32, part: i32, parts: i32, side: i32): i32 {
  const steps = (size + step - 1) / step;
  return min(size, ((steps * ((part % parts) + side)) / parts) * step);
}

/** Rows and columns of one result. */
function computeRange(
  product: Product,
  matrix: i32,
  firstRow: i32,
  endRow: i32,
  firstColumn: i32,
  endColumn: i32,
  scratch: usize,
): void {
  const rows = product.rows;
  const terms = product.terms;
  const columns = product.columns;
  const transposeA = product.transposeA;
  const transposeB = product.transposeB;
  const a = product.a + ((<usize>matrix * <usize>rows * <usize>terms) << 2);
  const b = product.b + ((<usize>matrix * <usize>terms * <usize>columns) << 2);
  const result = product.result + ((<usize>matrix * <usize>rows * <usize>columns) << 2);
  const packedA = scratch + tileBytes;
  const packedB = packedA + ((<usize>(blockRows * blockTerms)) << 2);
  const strideA = (<usize>(transposeA ? rows : terms)) << 2;
  const strideB = (<usize>(transposeB ? terms : columns)) << 2;
  const stride = (<usize>columns) << 2;
  const areFew = rows <= fewRows;
  if (areFew && !transposeA && transposeB && terms >= manyTerms) {
    for (let column = firstColumn; column < endColumn; column += streamColumns) {
      const end = min(endColumn, column + streamColumns);
      for (let row = firstRow; row < endRow; row += 2) {
        const from = a + place(row, strideA, 0);
        const to = result + place(row, stride, 0);
        rowsOfDots(from, strideA, min(2, endRow - row), b, strideB, terms, column, end, to, stride, scratch);
      }
    }
    return;
  }
  const liesB = areFew && !transposeB;
  if (liesB && rows === 1 && !transposeA) {
    for (; firstColumn + 16 <= endColumn; firstColumn += 16) {
      rowTile(a, b + place(0, strideB, firstColumn), strideB, terms, result + place(0, stride, firstColumn));
    }
  }
  for (let column = firstColumn; column < endColumn; column += blockColumns) {
    const columnsHere = min(blockColumns, endColumn - column);
    for (let term: i32 = 0; term < terms; term += blockTerms) {
      const termsHere = min(blockTerms, terms - term);
      const adds = term > 0;
      for (let j: i32 = 0; j < columnsHere; j += 4) {
        if (liesB && (j | 7) < columnsHere) continue;
        const from = b + place(transposeB ? column + j : term, strideB, transposeB ? term : column + j);
        // Panels of 8 columns, the right half of one beside its left half.
        const to = packedB + ((<usize>(j >> 3) * <usize>termsHere) << 5) + ((<usize>(j & 4)) << 2);
        pack(from, strideB, !transposeB, columnsHere - j, termsHere, to, 32);
      }
      for (let row = firstRow; row < endRow; row += blockRows) {
        const rowsHere = min(blockRows, endRow - row);
        for (let i: i32 = 0; i < rowsHere; i += 4) {
          const from = a + place(transposeA ? term : row + i, strideA, transposeA ? row + i : term);
          pack(from, strideA, transposeA, rowsHere - i, termsHere, packedA + panel(i, termsHere), 16);
        }
        for (let j: i32 = 0; j < columnsHere; j += 8) {
          const isWhole = j + 8 <= columnsHere;
          const packed = packedB + ((<usize>(j >> 3) * <usize>termsHere) << 5);
          const panelB = liesB && isWhole ? b + place(term, strideB, column + j) : packed;
          const step = liesB && isWhole ? strideB : 32;
          for (let i: i32 = 0; i < rowsHere; i += 4) {
            const panelA = packedA + panel(i, termsHere);
            const to = result + place(row + i, stride, column + j);
            if (i + 4 <= rowsHere && isWhole) {
              tile(panelA, panelB, step, termsHere, to, stride, adds);
            } else {
              tile(panelA, panelB, step, termsHere, scratch, 32, false);
              copyPart(scratch, to, stride, min(4, rowsHere - i), min(8, columnsHere - j), adds);
            }
          }
        }
      }
    }
  }
}

/** Columns of 1 or 2 rows of the result, 4 at a time and then one by one. */
function rowsOfDots(
  a: usize,
  strideA: usize,
  rows: i32,
  b: usize,
  strideB: usize,
  terms: i32,
  column: i32,
  endColumn: i32,
  result: usize,
  stride: usize,
  scratch: usize,
): void {
  const nextA = rows === 2 ? strideA : 0;
  while (column < endColumn) {
    const columns = column + 4 <= endColumn ? 4 : 1;
    const nextB = columns === 4 ? strideB : 0;
    const from = b + place(column, strideB, 0);
    const to = result + place(0, stride, column);
    if (rows === 2 && columns === 4) {
      dots(a, nextA, from, nextB, terms, to, stride);
    } else {
      dots(a, nextA, from, nextB, terms, scratch, 32);
      copyPart(scratch, to, stride, rows, columns, false);
    }
    column += columns;
  }
}

/** Of the panel of 4 rows that begins at row `i`, in the packed block. */
function panel(i: i32, terms: i32): usize {
  return <usize>(i >> 2) * ((<usize>terms) << 4);
}
