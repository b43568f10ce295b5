// The innermost loops of products, and how operands are packed for them. Pointers and strides are bytes.

/**
 * Writes 4 lines side by side, term by term; lines that are not there are 0.
 * @param across - whether the lines lie side by side already, terms `stride` apart; else lines are `stride` apart
 * @param step - from a term to the next in the target
 */
export function pack(
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
export function tile(
  a: usize,
  b: usize,
  step: usize,
  terms: i32,
  to: usize,
  stride: usize,
  adds: bool,
): void {
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
export function rowTile(a: usize, b: usize, step: usize, terms: i32, to: usize): void {
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
export function dots(
  a: usize,
  nextA: usize,
  b: usize,
  nextB: usize,
  terms: i32,
  to: usize,
  stride: usize,
): void {
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

/** Of an element, from the start of its matrix. */
export function place(row: i32, stride: usize, column: i32): usize {
  return <usize>row * stride + ((<usize>column) << 2);
}

/** A tile of 8 columns that was computed beside the result, as far as it belongs there. */
export function copyPart(from: usize, to: usize, stride: usize, rows: i32, columns: i32, adds: bool): void {
  for (let row: i32 = 0; row < rows; row++) {
    for (let column: i32 = 0; column < columns; column++) {
      const target = to + place(row, stride, column);
      const value = f32.load(from + place(row, 32, column));
      f32.store(target, adds ? f32.load(target) + value : value);
    }
  }
}
