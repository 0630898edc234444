/**
 * How much of a break-glass is left after a restart. The clock may have been set back meanwhile, so it is not believed
 * alone: the machine's own uptime says how much has passed at least.
 */
import type { PanicRecord } from "./panic-state-file.ts";

export interface Moment {
  readonly nowMs: number;
  readonly uptimeSec: number;
  readonly maxTtlSec: number;
}

/** Milliseconds, 0 when it is over. Never more than what was asked for, nor than the cap that holds now. */
export function remainingMs(record: PanicRecord, { nowMs, uptimeSec, maxTtlSec }: Moment): number {
  const { startedMs, untilMs, ttlSec, startedUptimeSec } = record;
  const wasRebooted = uptimeSec < startedUptimeSec;
  // After a reboot nothing but the clock says how long the machine was off; one that was set back says nothing.
  if (wasRebooted && nowMs < startedMs) return 0;
  // Up for longer than before: this much has passed, even if that was another boot. Up for less: all of it has.
  const passedSec = wasRebooted ? uptimeSec : uptimeSec - startedUptimeSec;
  const byUptimeMs = (Math.min(ttlSec, maxTtlSec) - passedSec) * 1_000;
  return Math.max(0, Math.min(untilMs - nowMs, byUptimeMs));
}
