/** How good a model's probabilities are on customers it may not have seen. Measures only; changes nothing. */
import { log } from "./portable-math.ts";

export interface Scored {
  readonly probability: number;
  readonly hasChurned: boolean;
}

export interface CalibrationRow {
  readonly predicted: number;
  readonly observed: number;
  readonly count: number;
}

/** Probability that a random churner is rated above a random stayer (area under the ROC curve); ties count half. */
export function areaUnderCurve(scored: readonly Scored[]): number {
  const sorted = scored.toSorted((left, right) => left.probability - right.probability);
  let staying = 0;
  let churned = 0;
  let wins = 0;
  for (let at = 0; at < sorted.length;) {
    const { probability } = sorted[at] as Scored;
    let tiedStaying = 0;
    let tiedChurned = 0;
    for (; at < sorted.length && sorted[at]?.probability === probability; at++) {
      if (sorted[at]?.hasChurned) tiedChurned++;
      else tiedStaying++;
    }
    wins += tiedChurned * (staying + tiedStaying / 2);
    staying += tiedStaying;
    churned += tiedChurned;
  }
  return wins / (staying * churned);
}

/** Mean negative log likelihood; lower is better, 0 is perfect. */
export function logLoss(scored: readonly Scored[]): number {
  const losses = scored.map(({ probability, hasChurned }) =>
    log(hasChurned ? probability : 1 - probability),
  );
  return -losses.reduce((sum, loss) => sum + loss, 0) / scored.length;
}

/** Ten groups of equal size by predicted probability: what was said and what happened. */
export function calibration(scored: readonly Scored[], groups = 10): CalibrationRow[] {
  const sorted = scored.toSorted((left, right) => left.probability - right.probability);
  return Array.from({ length: groups }, (_, group) => {
    const from = Math.floor((group * sorted.length) / groups);
    const part = sorted.slice(from, Math.floor(((group + 1) * sorted.length) / groups));
    return {
      predicted: part.reduce((sum, { probability }) => sum + probability, 0) / part.length,
      observed: part.filter(({ hasChurned }) => hasChurned).length / part.length,
      count: part.length,
    };
  });
}

/** Mean distance between said and observed over the groups, weighted by size (expected calibration error). */
export function calibrationError(rows: readonly CalibrationRow[]): number {
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  return rows.reduce(
    (sum, row) => sum + (Math.abs(row.predicted - row.observed) * row.count) / total,
    0,
  );
}
