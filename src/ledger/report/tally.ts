/**
 * Counts names in bounded memory. What it can no longer tell apart it still counts: rows and remainder always add up to
 * the total, and it must never call a count exact that is not.
 */
import type { Names, TallyReport, TallyRow } from "./report.ts";

/**
 * Names told apart at once, some 300 bytes each. Whoever can make up names (callers of a careless issuer, say) fills it;
 * raised, a report of their doing takes that much more memory.
 */
export const DEFAULT_NAME_LIMIT = 50_000;
/** Longest name kept; longer ones are cut and end in `...` and their length. */
const NAME_LENGTH_LIMIT = 256;

interface Counter {
  readonly names: Names;
  count: number;
  readonly firstSeq: number;
  lastSeq: number;
}

export class Tally {
  readonly #columns: readonly string[];
  readonly #nameLimit: number;
  #counters = new Map<string, Counter>();
  #total = 0;
  #mayLackUpTo = 0;

  constructor(columns: readonly string[], nameLimit: number = DEFAULT_NAME_LIMIT) {
    this.#columns = columns;
    this.#nameLimit = nameLimit;
  }

  add(seq: number, ...all: Names): void {
    this.#total += 1;
    const names = all.map(cut);
    const key = keyOf(names);
    const counter = this.#counters.get(key);
    if (counter) {
      counter.count += 1;
      counter.lastSeq = seq;
      return;
    }
    if (this.#counters.size >= this.#nameLimit) this.#dropSmallest();
    this.#counters.set(key, { names, count: 1, firstSeq: seq, lastSeq: seq });
  }

  report(top: number): TallyReport {
    const sorted = [...this.#counters.values()].sort(byCountThenName);
    const rows: TallyRow[] = sorted.slice(0, top).map((counter) => ({ ...counter }));
    const counted = rows.reduce((sum, { count }) => sum + count, 0);
    return {
      columns: this.#columns,
      total: this.#total,
      rows,
      remainder: {
        count: this.#total - counted,
        names: this.#mayLackUpTo > 0 ? null : sorted.length - rows.length,
      },
      mayLackUpTo: this.#mayLackUpTo,
    };
  }

  /**
   * Keeps the larger half. Each of the dropped may come back and begin again at one, so from now on every count may lack
   * as many as the largest of the dropped had.
   */
  #dropSmallest(): void {
    const sorted = [...this.#counters].sort(([, one], [, other]) => other.count - one.count);
    const kept = Math.floor(this.#nameLimit / 2);
    this.#mayLackUpTo += sorted[kept]?.[1].count ?? 0;
    this.#counters = new Map(sorted.slice(0, kept));
  }
}

/** JSON, because a separator that stands within a name would make two names one. */
const keyOf = (names: Names): string =>
  names.length === 1 && names[0] !== null ? `=${names[0]}` : JSON.stringify(names);

const cut = (name: string | null): string | null =>
  name !== null && name.length > NAME_LENGTH_LIMIT
    ? `${name.slice(0, NAME_LENGTH_LIMIT)}... (${name.length} characters)`
    : name;

function byCountThenName(one: Counter, other: Counter): number {
  return one.count === other.count
    ? one.firstSeq - other.firstSeq || (keyOf(one.names) < keyOf(other.names) ? -1 : 1)
    : other.count - one.count;
}
