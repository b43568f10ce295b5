// The product of two matrices in WebAssembly SIMD, written in AssemblyScript; `npm run build:wasm` compiles it.
//
// Goto & van de Geijn 2008: parts of both operands are packed so that they lie as the innermost loop reads them, which
// keeps 4 x 8 sums in registers. A transposed operand is only packed in another order. Pointers and strides are bytes.
// For few rows packing the other operand would be most of the work; it is read where it lies.
//
// Threads over the same memory take parts of a product, each with scratch memory of its own: ranges of matrices, of rows or of
// columns of the result. Each sum is taken by one thread and in one order: the bytes are the same for any number of threads.

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

/**
 * Writes 4 lines side by side, term by term; lines that are not there are 0.
 * @param across - whether the lines lie side by side already, terms `stride` apart; else lines are `stride` apart
 * @param step - from a term to the next in the target
 */
function pack(
  from: usize,
  stride: usize,
  across: bool,
  lines: i32,
  terms: i32,
  to: usize,
  step: usize,
): void {
  let term: i32 = 0;
  if (lines >= 4 && across) {
    for (; term < terms; term++) {
      v128.store(to, v128.load(from));
      from += stride;
      to += step;
    }
  } else if (lines >= 4) {
    for (; term + 4 <= terms; term += 4) {
      const a = v128.load(from);
      const b = v128.load(from + stride);
      const c = v128.load(from + 2 * stride);
      const d = v128.load(from + 3 * stride);
      const firstAb = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const firstCd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const lastAb = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const lastCd = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(firstAb, firstCd, 0, 1, 4, 5));
      v128.store(to + step, v128.shuffle<f32>(firstAb, firstCd, 2, 3, 6, 7));
      v128.store(to + 2 * step, v128.shuffle<f32>(lastAb, lastCd, 0, 1, 4, 5));
      v128.store(to + 3 * step, v128.shuffle<f32>(lastAb, lastCd, 2, 3, 6, 7));
      from += 16;
      to += 4 * step;
    }
  }
  const nextLine: usize = across ? 4 : stride;
  const nextTerm: usize = across ? stride : 4;
  for (; term < terms; term++) {
    for (let line: i32 = 0; line < 4; line++) {
      const value = line < lines ? f32.load(from + <usize>line * nextLine) : 0;
      f32.store(to + ((<usize>line) << 2), value);
    }
    from += nextTerm;
    to += step;
  }
}

/**
 * 4 rows by 8 columns of the result, from packed rows. One term a turn: with more V8 runs out of registers.
 * @param step - from the columns of a term to those of the next
 */
function tile(a: usize, b: usize, step: usize, terms: i32, to: usize, stride: usize, adds: bool): void {
  let left0 = f32x4.splat(0);
  let left1 = f32x4.splat(0);
  let left2 = f32x4.splat(0);
  let left3 = f32x4.splat(0);
  let right0 = f32x4.splat(0);
  let right1 = f32x4.splat(0);
  let right2 = f32x4.splat(0);
  let right3 = f32x4.splat(0);
  const end = a + ((<usize>terms) << 4);
  for (; a < end; a += 16, b += step) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    left0 = f32x4.add(left0, f32x4.mul(a0, left));
    right0 = f32x4.add(right0, f32x4.mul(a0, right));
    const a1 = v128.load32_splat(a, 4);
    left1 = f32x4.add(left1, f32x4.mul(a1, left));
    right1 = f32x4.add(right1, f32x4.mul(a1, right));
    const a2 = v128.load32_splat(a, 8);
    left2 = f32x4.add(left2, f32x4.mul(a2, left));
    right2 = f32x4.add(right2, f32x4.mul(a2, right));
    const a3 = v128.load32_splat(a, 12);
    left3 = f32x4.add(left3, f32x4.mul(a3, left));
    right3 = f32x4.add(right3, f32x4.mul(a3, right));
  }
  put(to, left0, right0, adds);
  put(to + stride, left1, right1, adds);
  put(to + 2 * stride, left2, right2, adds);
  put(to + 3 * stride, left3, right3, adds);
}

function put(to: usize, left: v128, right: v128, adds: bool): void {
  v128.store(to, adds ? f32x4.add(v128.load(to), left) : left);
  v128.store(to, adds ? f32x4.add(v128.load(to, 16), right) : right, 16);
}

/** A row by 16 columns of the result, from operands as they lie. */
function rowTile(a: usize, b: usize, step: usize, terms: i32, to: usize): void {
  let sums0 = f32x4.splat(0);
  let sums1 = f32x4.splat(0);
  let sums2 = f32x4.splat(0);
  let sums3 = f32x4.splat(0);
  const end = a + ((<usize>terms) << 2);
  for (; a < end; a += 4, b += step) {
    const factor = v128.load32_splat(a);
    sums0 = f32x4.add(sums0, f32x4.mul(factor, v128.load(b)));
    sums1 = f32x4.add(sums1, f32x4.mul(factor, v128.load(b, 16)));
    sums2 = f32x4.add(sums2, f32x4.mul(factor, v128.load(b, 32)));
    sums3 = f32x4.add(sums3, f32x4.mul(factor, v128.load(b, 48)));
  }
  v128.store(to, sums0);
  v128.store(to, sums1, 16);
  v128.store(to, sums2, 32);
  v128.store(to, sums3, 48);
}

/**
 * 2 rows by 4 columns of the result, from operands that both lie term by term.
 * @param nextA - from a row to the next; 0 for one row, twice
 * @param nextB - from a column to the next; 0 for one column, four times
 */
function dots(a: usize, nextA: usize, b: usize, nextB: usize, terms: i32, to: usize, stride: usize): void {
  let upper0 = f32x4.splat(0);
  let upper1 = f32x4.splat(0);
  let upper2 = f32x4.splat(0);
  let upper3 = f32x4.splat(0);
  let lower0 = f32x4.splat(0);
  let lower1 = f32x4.splat(0);
  let lower2 = f32x4.splat(0);
  let lower3 = f32x4.splat(0);
  const a1 = a + nextA;
  const b1 = b + nextB;
  const b2 = b1 + nextB;
  const b3 = b2 + nextB;
  const size = (<usize>terms) << 2;
  let at: usize = 0;
  for (; at + 16 <= size; at += 16) {
    const upper = v128.load(a + at);
    const lower = v128.load(a1 + at);
    const column0 = v128.load(b + at);
    upper0 = f32x4.add(upper0, f32x4.mul(upper, column0));
    lower0 = f32x4.add(lower0, f32x4.mul(lower, column0));
    const column1 = v128.load(b1 + at);
    upper1 = f32x4.add(upper1, f32x4.mul(upper, column1));
    lower1 = f32x4.add(lower1, f32x4.mul(lower, column1));
    const column2 = v128.load(b2 + at);
    upper2 = f32x4.add(upper2, f32x4.mul(upper, column2));
    lower2 = f32x4.add(lower2, f32x4.mul(lower, column2));
    const column3 = v128.load(b3 + at);
    upper3 = f32x4.add(upper3, f32x4.mul(upper, column3));
    lower3 = f32x4.add(lower3, f32x4.mul(lower, column3));
  }
  let uppers = sumsOf(upper0, upper1, upper2, upper3);
  let lowers = sumsOf(lower0, lower1, lower2, lower3);
  for (; at < size; at += 4) {
    let columns = v128.load32_splat(b + at);
    columns = v128.load_lane<f32>(b1 + at, columns, 1);
    columns = v128.load_lane<f32>(b2 + at, columns, 2);
    columns = v128.load_lane<f32>(b3 + at, columns, 3);
    uppers = f32x4.add(uppers, f32x4.mul(v128.load32_splat(a + at), columns));
    lowers = f32x4.add(lowers, f32x4.mul(v128.load32_splat(a1 + at), columns));
  }
  v128.store(to, uppers);
  v128.store(to + stride, lowers);
}

/** The sum over each of four. */
function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
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

/** Of an element, from the start of its matrix. */
function place(row: i32, stride: usize, column: i32): usize {
  return <usize>row * stride + ((<usize>column) << 2);
}

/** Of the panel of 4 rows that begins at row `i`, in the packed block. */
function panel(i: i32, terms: i32): usize {
  return <usize>(i >> 2) * ((<usize>terms) << 4);
}

function copyPart(from: usize, to: usize, stride: usize, rows: i32, columns: i32, adds: bool): void {
  for (let row: i32 = 0; row < rows; row++) {
    for (let column: i32 = 0; column < columns; column++) {
      const target = to + place(row, stride, column);
      const value = f32.load(from + place(row, 32, column));
      f32.store(target, adds ? f32.load(target) + value : value);
    }
  }
}
