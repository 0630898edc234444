/** Sets of outputs as rows of bits, one for each output in order. */

export type BitRow = Int32Array;

const WORD_BITS = 32;

export function newRow(size: number): BitRow {
  return new Int32Array(Math.ceil(size / WORD_BITS));
}

/** A row with all of the first `size`. */
export function fullRow(size: number): BitRow {
  const row = newRow(size).fill(-1);
  const rest = size % WORD_BITS;
  if (rest > 0) row[row.length - 1] = (1 << rest) - 1;
  return row;
}

export function include(row: BitRow, index: number): void {
  row[index >>> 5] = (row[index >>> 5] as number) | (1 << (index & 31));
}

export function exclude(row: BitRow, index: number): void {
  row[index >>> 5] = (row[index >>> 5] as number) & ~(1 << (index & 31));
}

/** Leaves in `row` what is in `other` too. */
export function intersect(row: BitRow, other: BitRow): void {
  for (let word = 0; word < row.length; word++)
    row[word] = (row[word] as number) & (other[word] as number);
}

export function unite(row: BitRow, other: BitRow): void {
  for (let word = 0; word < row.length; word++)
    row[word] = (row[word] as number) | (other[word] as number);
}

/** The first of the row from `from` on; -1 when there is none. */
export function nextIn(row: BitRow, from: number): number {
  for (let word = from >>> 5; word < row.length; word++) {
    const before = word === from >>> 5 ? from & 31 : 0;
    const bits = (row[word] as number) & (-1 << before);
    if (bits !== 0) return word * WORD_BITS + 31 - Math.clz32(bits & -bits);
  }
  return -1;
}
