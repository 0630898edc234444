/**
 * All states of an automaton with a full row of two bytes an entry: faster than rows that share failure links, for some
 * megabytes. It must find exactly what the packed tables find.
 */
import type { AutomatonTables } from "./automaton-tables.ts";
import { NONE } from "./literal-trie.ts";

/** Two bytes hold a state's number. */
const LIMIT_STATES = 65_536;
/** Beyond this the rows no longer fit a processor's cache and are no faster; raised, each rule set holds more memory. */
const LIMIT_BYTES = 8_388_608;

export interface FullTable {
  /** The state after a state and a class, at `state * classCount + class`. */
  readonly rows: Uint16Array;
  readonly start: number;
  /** States from here on end with a literal. */
  readonly firstEnding: number;
  /** The longest literal that ends there, by `state - firstEnding`. */
  readonly longest: Int32Array;
}

/** Undefined for an automaton that is too large for it. */
export function buildFullTable(tables: AutomatonTables): FullTable | undefined {
  const { classCount, stateCount, longest } = tables;
  if (stateCount > LIMIT_STATES || stateCount * classCount * 2 > LIMIT_BYTES) return undefined;
  const { numbers, firstEnding } = renumber(longest, stateCount);
  const rows = new Uint16Array(stateCount * classCount);
  const ending = new Int32Array(stateCount - firstEnding);
  const slots = slotsOf(tables);
  for (let state = 0; state < stateCount; state += 1) {
    const number = numbers[state] ?? 0;
    if (number >= firstEnding) ending[number - firstEnding] = longest[state] ?? NONE;
    fillRow(tables, state, { numbers, rows, slots });
  }
  return { rows, start: numbers[0] ?? 0, firstEnding, longest: ending };
}

/** States that end with a literal last, so that one comparison tells them. */
function renumber(longest: Int32Array, stateCount: number) {
  const numbers = new Int32Array(stateCount);
  let firstEnding = 0;
  for (let state = 0; state < stateCount; state += 1) {
    if (longest[state] === NONE) numbers[state] = firstEnding++;
  }
  let next = firstEnding;
  for (let state = 0; state < stateCount; state += 1) {
    if (longest[state] !== NONE) numbers[state] = next++;
  }
  return { numbers, firstEnding };
}

/** The slots of each state without a full row: the first by state, and after each slot the next one. */
interface Slots {
  readonly first: Int32Array;
  readonly next: Int32Array;
}

/** WHY lists: such a state has a link or two, and to ask for every class takes many times as long. */
function slotsOf({ base, owner }: AutomatonTables): Slots {
  const first = new Int32Array(base.length).fill(NONE);
  const next = new Int32Array(owner.length);
  for (let slot = 0; slot < owner.length; slot += 1) {
    const state = owner[slot] ?? NONE;
    if (state < 0) continue;
    next[slot] = first[state] ?? NONE;
    first[state] = slot;
  }
  return { first, next };
}

/** Breadth-first order has the row of each failure link ready before it is copied. */
function fillRow(
  { classCount, dense, base, link, fail }: AutomatonTables,
  state: number,
  {
    numbers,
    rows,
    slots,
  }: { readonly numbers: Int32Array; readonly rows: Uint16Array; readonly slots: Slots },
): void {
  const denseStates = dense.length / classCount;
  const numberOf = (place: number): number =>
    numbers[place < dense.length ? place / classCount : place - dense.length + denseStates] ?? 0;
  const row = (numbers[state] ?? 0) * classCount;
  if (state < denseStates) {
    for (let cls = 0; cls < classCount; cls += 1)
      rows[row + cls] = numberOf((dense[state * classCount + cls] ?? 0) >> 1);
    return;
  }
  const sparse = state - denseStates;
  const fallback = numberOf(fail[sparse] ?? 0) * classCount;
  rows.copyWithin(row, fallback, fallback + classCount);
  const { first, next } = slots;
  for (let slot = first[sparse] ?? NONE; slot !== NONE; slot = next[slot] ?? NONE)
    rows[row + slot - (base[sparse] ?? 0)] = numberOf((link[slot] ?? 0) >> 1);
}
