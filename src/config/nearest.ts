/** Did-you-mean: the known word nearest to a mistyped one. It only ever suggests, it never corrects. */

/** Words longer than this are not compared: no key is that long, and the comparison costs the product of lengths. */
const WORD_LIMIT = 64;

/** The nearest of `known`, or undefined when none is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 0.5;
  for (const candidate of known) {
    const distance = distanceBetween(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Edit distance with neighbours swapped counted as one (Damerau, optimal string alignment); a difference of case, of
 * "-" or "_" alone counts half, because `trusted_proxies` means `trustedProxies`.
 */
export function distanceBetween(a: string, b: string): number {
  if (a.length > WORD_LIMIT || b.length > WORD_LIMIT) return Number.POSITIVE_INFINITY;
  if (bare(a) === bare(b)) return a === b ? 0 : 0.5;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (beforeLast[j - 2] ?? 0) + 1);
      row.push(value);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? Number.POSITIVE_INFINITY;
}

function bare(word: string): string {
  return word.replaceAll(/[-_]/g, "").toLowerCase();
}
