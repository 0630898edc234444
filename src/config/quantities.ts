/**
 * Durations, sizes, rates and percentages as text: parsed exactly and printed back. A number without its unit is
 * refused, never guessed.
 */
import { UnitError } from "./unit.ts";

const MS_PER: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** A hundred years: no real setting is longer, and sums with clock times stay exact integers. */
const MAX_DURATION_MS = 36_500 * 86_400_000;
const DURATION = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;

/** "30s" to 30000. Throws `UnitError`. */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text);
  if (!match) {
    const bare = /^\d+$/.test(text) ? `; "${text}" has no unit` : "";
    throw new UnitError(
      `not a duration${bare}`,
      'a number and one of ms, s, m, h, d, for example "30s"',
    );
  }
  const durationMs = Number(match[1]) * (MS_PER[match[2] ?? ""] ?? Number.NaN);
  if (durationMs > MAX_DURATION_MS)
    throw new UnitError("a duration above 100 years", 'write "36500d" at most');
  if (!Number.isInteger(durationMs)) throw new UnitError("a duration finer than a millisecond");
  return durationMs;
}

/** Milliseconds as the shortest exact text: 90000 is "90s", 120000 is "2m". */
export function printDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  const unit = ["d", "h", "m", "s"].find((name) => durationMs % (MS_PER[name] as number) === 0);
  return unit ? `${durationMs / (MS_PER[unit] as number)}${unit}` : `${durationMs}ms`;
}

const BYTES_PER: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const BYTES = /^(\d{1,12}(?:\.\d{1,3})?)([A-Za-z]{1,3})$/;

/** "512KiB" to 524288. Throws `UnitError`. */
export function parseBytes(text: string): number {
  const match = BYTES.exec(text);
  const factor = match ? BYTES_PER[match[2] ?? ""] : undefined;
  if (!match || factor === undefined) {
    const bare = /^\d+$/.test(text) ? `; "${text}" has no unit` : "";
    throw new UnitError(
      `not a size${bare}`,
      'a number and one of B, KiB, MiB, GiB (powers of 1024) or kB, MB, GB (powers of 1000), for example "512KiB"',
    );
  }
  const sizeBytes = Number(match[1]) * factor;
  if (!Number.isSafeInteger(sizeBytes))
    throw new UnitError("a size that is not a whole number of bytes");
  return sizeBytes;
}

/** Bytes as the shortest exact text in powers of 1024. */
export function printBytes(sizeBytes: number): string {
  const unit = ["TiB", "GiB", "MiB", "KiB"].find(
    (name) => sizeBytes > 0 && sizeBytes % (BYTES_PER[name] as number) === 0,
  );
  return unit ? `${sizeBytes / (BYTES_PER[unit] as number)}${unit}` : `${sizeBytes}B`;
}

/** So many in each window of so many milliseconds. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

const RATE = /^(\d{1,12})\/(\d{0,12})(ms|s|m|h|d)$/;

/** "200/s" to 200 per 1000 ms, "2000/5m" to 2000 per 300000 ms. Throws `UnitError`. */
export function parseRate(text: string): Rate {
  const match = RATE.exec(text);
  if (!match)
    throw new UnitError(
      "not a rate",
      'a count, a slash and a period, for example "200/s" or "2000/5m"',
    );
  const count = Number(match[1]);
  const perMs = Number(match[2] || "1") * (MS_PER[match[3] ?? ""] ?? Number.NaN);
  if (count < 1 || perMs < 1)
    throw new UnitError("a rate with a zero in it", "to refuse everything, use a deny rule");
  if (perMs > MAX_DURATION_MS) throw new UnitError("a period above 100 years");
  return { count, perMs };
}

/** A rate as an operator writes it: "2000/5m". */
export function printRate({ count, perMs }: Rate): string {
  return `${count}/${printDuration(perMs).replace(/^1(?=[a-z])/, "")}`;
}

/** "8%" to 0.08. Throws `UnitError`. */
export function parsePercentage(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text);
  if (!match)
    throw new UnitError("not a percentage", 'a number from 0 to 100 and "%", for example "8%"');
  const share = Number(match[1]) / 100;
  if (share > 1) throw new UnitError("a percentage above 100%");
  return share;
}

/** A share as an operator writes it: "8%". */
export function printPercentage(share: number): string {
  return `${Number((share * 100).toPrecision(12))}%`;
}
