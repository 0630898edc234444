/**
 * The share of time that the host of a virtual machine took away: while it is high every figure is the neighbours'. The
 * benchmark waits for it to pass, measures again where it came in between, and says how much was left in each figure.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Above this share a window is measured again. */
export const NOISY_SHARE = 0.03;
const LOOK_MS = 500;
/** Longest wait for a quiet moment: some hosts have none. */
const WAIT_LIMIT_MS = 15_000;

interface Reading {
  readonly stolen: number;
  readonly all: number;
}

/** Ticks of all processors since the start (proc(5), `stat`); the eighth is what was stolen. */
export function readStolen(): Reading {
  const ticks = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "")
    .split(/\s+/)
    .slice(1, 9)
    .map(Number);
  return { stolen: ticks[7] ?? 0, all: ticks.reduce((sum, each) => sum + each, 0) };
}

/** 0 to 1, since an earlier reading. */
export function stolenSince(before: Reading): number {
  const now = readStolen();
  return (now.stolen - before.stolen) / Math.max(1, now.all - before.all);
}

export async function untilQuiet(): Promise<void> {
  const endsAt = Date.now() + WAIT_LIMIT_MS;
  while (Date.now() < endsAt) {
    const before = readStolen();
    await sleep(LOOK_MS);
    if (stolenSince(before) <= NOISY_SHARE) return;
  }
}
