/**
 * The time that a store in memory counts by. Told by its callers, it never lets a wall clock that is moved back refill
 * anything: what runs out goes by a time that only moves forward.
 */

/**
 * A clock that is behind by less than this has not been set back: messages of several processes came out of order. Time
 * then stands still. Raised, small corrections of the clock hold refills up for longer.
 */
const DISORDER_MS = 1_000;

export class StoreClock {
  /** For what goes by the calendar. */
  wallMs = 0;
  /** For what is refilled: stands still where the wall clock is set back, and goes on from there. */
  steadyMs = 0;

  advanceTo(nowMs: number): void {
    const wallMs = Math.floor(nowMs);
    const elapsedMs = wallMs - this.wallMs;
    if (elapsedMs > 0) this.steadyMs += elapsedMs;
    else if (elapsedMs > -DISORDER_MS) return;
    this.wallMs = wallMs;
  }
}
