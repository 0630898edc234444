/** Medians, and ratios that are taken within a round so that the noise of the machine cancels out. */

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** `above[i] / below[i]`, where `i` is the round. */
export function ratioOf(above: readonly number[], below: readonly number[]): Ratio {
  const ratios = above.map((value, round) => value / (below[round] ?? Number.NaN));
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

export const ratioText = ({ median: middle, low, high }: Ratio): string =>
  `${middle.toFixed(1)} (${low.toFixed(1)}-${high.toFixed(1)})`;
