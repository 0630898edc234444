/** A time as people write it, to what rules compare it with. */

/** RFC 3339 section 5.6. */
const INSTANT = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;

/** Seconds since the epoch; undefined for what is no time, 30 February among it. */
export function instantOf(text: string): number | undefined {
  const day = INSTANT.exec(text)?.[1];
  const atMs = day === undefined ? Number.NaN : Date.parse(text);
  if (Number.isNaN(atMs)) return undefined;
  // Date.parse takes 30 February for 2 March.
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(`${day}T`)
    ? atMs / 1_000
    : undefined;
}
