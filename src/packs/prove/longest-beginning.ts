/**
 * Which of many beginnings is the longest that a text has. As fast for thousands of beginnings, nested in each other or not, as for a
 * few: who writes a pack must not decide how long it takes to look at it.
 */

interface Beginning {
  readonly key: string;
  /** The longest of the others that this one begins with. */
  readonly within: Beginning | undefined;
}

export class LongestBeginning {
  /** In order: what begins with a text stands behind it, and before all else that is greater. */
  readonly #sorted: Beginning[] = [];

  constructor(keys: Iterable<string>) {
    const open: Beginning[] = [];
    for (const key of [...keys].sort(byUnits)) {
      while (open.length > 0 && !key.startsWith(open.at(-1)?.key ?? "")) open.pop();
      const beginning = { key, within: open.at(-1) };
      this.#sorted.push(beginning);
      open.push(beginning);
    }
  }

  /** Undefined when it has none of them. */
  of(text: string): string | undefined {
    let at: Beginning | undefined = this.#sorted[this.#lastNotBehind(text)];
    // Whatever the text begins with, this one begins with too.
    const shared = at ? sharedLength(at.key, text) : 0;
    while (at && at.key.length > shared) at = at.within;
    return at?.key;
  }

  #lastNotBehind(text: string): number {
    let low = -1;
    let high = this.#sorted.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (byUnits((this.#sorted[middle] as Beginning).key, text) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** By UTF-16 units, as STARTS_WITH sees texts: the texts with one beginning stand together. */
export function byUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
