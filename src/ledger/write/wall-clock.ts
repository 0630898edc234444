/** The time of day in microseconds. It follows the machine's clock wherever that goes, back as well. */

const US_PER_MS = 1_000;
const LAST_US_OF_MS = 999;

/**
 * Microseconds since 1970. The clock is read in milliseconds (Node has no finer one that follows its corrections); what
 * has passed since a millisecond was first seen fills in the rest, so that lines of one millisecond are in order.
 */
export function createWallClock(): () => number {
  let lastMs = 0;
  let seenAtMs = 0;
  return () => {
    const nowMs = Date.now();
    if (nowMs !== lastMs) {
      lastMs = nowMs;
      seenAtMs = performance.now();
      return nowMs * US_PER_MS;
    }
    const sinceUs = Math.floor((performance.now() - seenAtMs) * US_PER_MS);
    return nowMs * US_PER_MS + Math.min(LAST_US_OF_MS, sinceUs);
  };
}
