/**
 * Packs the sparse rows of an automaton into one pair of arrays (a double array); it must never let two rows share a
 * slot.
 */

/** Marks a slot that no row owns. */
export const FREE_SLOT = -1;

/** Where the rows lie: row r continues with class c at slot `base[r] + c`, if r owns that slot. */
export interface DoubleArray {
  readonly base: Int32Array;
  readonly owner: Int32Array;
  readonly target: Int32Array;
}

/** The rows to pack: row r holds the entries from `starts[r]` to before `starts[r + 1]`, their classes rising. */
export interface SparseRows {
  readonly starts: Int32Array;
  /** Per entry: its class. The entry's own number is what the packed row leads to. */
  readonly classes: Uint16Array;
}

/** The free slots as a list in rising order, so that finding a place costs no walk over the taken ones. */
class FreeSlots {
  private next = new Int32Array(1024).fill(FREE_SLOT);
  private previous = new Int32Array(1024).fill(FREE_SLOT);
  private taken = new Uint8Array(1024);
  private head = FREE_SLOT;
  private tail = FREE_SLOT;
  /** One more than the highest slot known so far. */
  size = 0;

  first(): number {
    if (this.head === FREE_SLOT) this.grow(this.size);
    return this.head;
  }

  after(slot: number): number {
    if (this.next[slot] === FREE_SLOT) this.grow(this.size);
    return this.next[slot] ?? FREE_SLOT;
  }

  isFree(slot: number): boolean {
    this.grow(slot);
    return this.taken[slot] === 0;
  }

  take(slot: number): void {
    const before = this.previous[slot] ?? FREE_SLOT;
    const behind = this.next[slot] ?? FREE_SLOT;
    this.taken[slot] = 1;
    if (before === FREE_SLOT) this.head = behind;
    else this.next[before] = behind;
    if (behind === FREE_SLOT) this.tail = before;
    else this.previous[behind] = before;
  }

  private grow(upTo: number): void {
    while (this.size <= upTo) {
      const slot = this.size++;
      if (slot >= this.next.length) this.widen();
      this.previous[slot] = this.tail;
      this.next[slot] = FREE_SLOT;
      if (this.tail === FREE_SLOT) this.head = slot;
      else this.next[this.tail] = slot;
      this.tail = slot;
    }
  }

  private widen(): void {
    const wider = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(old.length * 2).fill(FREE_SLOT);
      grown.set(old);
      return grown;
    };
    this.next = wider(this.next);
    this.previous = wider(this.previous);
    const taken = new Uint8Array(this.taken.length * 2);
    taken.set(this.taken);
    this.taken = taken;
  }
}

/**
 * How many free slots are tried for one row. A row with many classes fits nowhere between small ones: after this many
 * tries it goes behind everything, so that building stays linear; a few slots stay empty for it.
 */
const MAX_TRIES = 256;

function placeOf(classes: Uint16Array, free: FreeSlots): number {
  const lowest = classes[0] ?? 0;
  let slot = free.first();
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const base = slot - lowest;
    if (base >= 0 && classes.every((cls) => free.isFree(base + cls))) return base;
    slot = free.after(slot);
  }
  return free.size;
}

/** Packs the rows from `firstRow` on; `classCount` is one more than the highest class of any row. */
export function packRows(rows: SparseRows, firstRow: number, classCount: number): DoubleArray {
  const { starts } = rows;
  const rowCount = starts.length - 1;
  const free = new FreeSlots();
  const base = new Int32Array(rowCount);
  let highestBase = 0;
  for (let row = firstRow; row < rowCount; row += 1) {
    const classes = rows.classes.subarray(starts[row], starts[row + 1]);
    if (classes.length === 0) continue;
    const place = placeOf(classes, free);
    base[row] = place;
    highestBase = Math.max(highestBase, place);
    for (const cls of classes) if (free.isFree(place + cls)) free.take(place + cls);
  }
  // Every lookup `base + class` lies inside the arrays: the scan reads without a bounds check of its own.
  const owner = new Int32Array(highestBase + classCount).fill(FREE_SLOT);
  const target = new Int32Array(highestBase + classCount);
  for (let row = firstRow; row < rowCount; row += 1) {
    const end = starts[row + 1] ?? 0;
    for (let entry = starts[row] ?? 0; entry < end; entry += 1) {
      const slot = (base[row] ?? 0) + (rows.classes[entry] ?? 0);
      owner[slot] = row;
      target[slot] = entry;
    }
  }
  return { base, owner, target };
}
