// The product of two matrices in WebAssembly SIMD, written in AssemblyScript; `npm run build:wasm` compiles it.
//
// Goto & van de Geijn 2008: parts of both operands are packed so that they lie as the innermost loop reads them, which
// keeps 4 x 8 sums in registers. A transposed operand is only packed in another order. Pointers and strides are bytes.

/** Terms of the sums that are packed at once. */
const blockTerms: i32 = 256;
const blockRows: i32 = 64;
const blockColumns: i32 = 512;
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

/** 4 rows by 8 columns of the result, from packed operands. One term a turn: with more V8 runs out of registers. */
function tile(a: usize, b: usize, terms: i32, to: usize, stride: usize, adds: bool): void {
  let left0 = f32x4.splat(0);
  let left1 = f32x4.splat(0);
  let left2 = f32x4.splat(0);
  let left3 = f32x4.splat(0);
  let right0 = f32x4.splat(0);
  let right1 = f32x4.splat(0);
  let right2 = f32x4.splat(0);
  let right3 = f32x4.splat(0);
  const end = a + ((<usize>terms) << 4);
  for (; a < end; a += 16, b += 32) {
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

/** `[rows, terms]` times `[terms, columns]`; a transposed operand lies with its axes exchanged. */
export function multiply(
  a: usize,
  transposeA: bool,
  b: usize,
  transposeB: bool,
  result: usize,
  rows: i32,
  terms: i32,
  columns: i32,
  scratch: usize,
): void {
  const packedA = scratch + tileBytes;
  const packedB = packedA + ((<usize>(blockRows * blockTerms)) << 2);
  const strideA = (<usize>(transposeA ? rows : terms)) << 2;
  const strideB = (<usize>(transposeB ? terms : columns)) << 2;
  const stride = (<usize>columns) << 2;
  for (let column: i32 = 0; column < columns; column += blockColumns) {
    const columnsHere = min(blockColumns, columns - column);
    for (let term: i32 = 0; term < terms; term += blockTerms) {
      const termsHere = min(blockTerms, terms - term);
      const adds = term > 0;
      for (let j: i32 = 0; j < columnsHere; j += 4) {
        const from = b + place(transposeB ? column + j : term, strideB, transposeB ? term : column + j);
        // Panels of 8 columns, the right half of one beside its left half.
        const to = packedB + ((<usize>(j >> 3) * <usize>termsHere) << 5) + ((<usize>(j & 4)) << 2);
        pack(from, strideB, !transposeB, columnsHere - j, termsHere, to, 32);
      }
      for (let row: i32 = 0; row < rows; row += blockRows) {
        const rowsHere = min(blockRows, rows - row);
        for (let i: i32 = 0; i < rowsHere; i += 4) {
          const from = a + place(transposeA ? term : row + i, strideA, transposeA ? row + i : term);
          pack(from, strideA, transposeA, rowsHere - i, termsHere, packedA + panel(i, termsHere), 16);
        }
        for (let j: i32 = 0; j < columnsHere; j += 8) {
          const panelB = packedB + ((<usize>(j >> 3) * <usize>termsHere) << 5);
          for (let i: i32 = 0; i < rowsHere; i += 4) {
            const panelA = packedA + panel(i, termsHere);
            const to = result + place(row + i, stride, column + j);
            if (i + 4 <= rowsHere && j + 8 <= columnsHere) {
              tile(panelA, panelB, termsHere, to, stride, adds);
            } else {
              tile(panelA, panelB, termsHere, scratch, 32, false);
              copyPart(scratch, to, stride, min(4, rowsHere - i), min(8, columnsHere - j), adds);
            }
          }
        }
      }
    }
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
