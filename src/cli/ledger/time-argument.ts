/** Times as operators write them on the command line: a moment, a day, or how long ago. */
import { InvalidArgumentError } from "commander";
import { parseDuration } from "../../config/quantities.ts";

/** RFC 3339 with an offset, or a day, which begins at midnight UTC. A time without an offset is nobody's: refused. */
const MOMENT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Milliseconds since 1970. */
export function timeArgument(text: string): number {
  if (MOMENT.test(text)) {
    const ms = Date.parse(text);
    // Date.parse takes February 30 for March 2.
    if (!Number.isNaN(ms) && isRealDay(text.slice(0, 10))) return ms;
  } else {
    try {
      return Date.now() - parseDuration(text);
    } catch {
      // Said below, for all forms together.
    }
  }
  throw new InvalidArgumentError(
    'Write a time such as 2026-11-22T13:00:00Z, a day such as 2026-11-22, or how long ago, such as "7d".',
  );
}

const isRealDay = (day: string): boolean =>
  new Date(`${day}T00:00:00Z`).toISOString().slice(0, 10) === day;
