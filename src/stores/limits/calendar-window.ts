/**
 * The calendar window that holds a moment, in a time zone: where a quota begins anew. Windows of one period and zone
 * follow each other without gap or overlap, whatever its summer time does; a moment is always inside its own window.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, type CalendarPeriod } from "./limit-store.ts";

/** From `startMs` up to, but not including, `endMs`. */
export interface CalendarWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** One time zone: its offsets from UTC, and the window of each period that was asked for last. */
interface Zone {
  /** Local time minus UTC at a moment. */
  offsetAt(ms: number): number;
  readonly latest: Record<CalendarPeriod, CalendarWindow>;
}

const NO_WINDOW: CalendarWindow = { startMs: 0, endMs: 0 };

/** Zones are named by the configuration, so their number is bounded by it. */
const zones = new Map<string, Zone>();

/** The window of the zone's calendar that `nowMs` is in. Remembers the last one: most calls only compare. */
export function windowOf(period: CalendarPeriod, timeZone: string, nowMs: number): CalendarWindow {
  const zone = zones.get(timeZone) ?? openZone(timeZone);
  const latest = zone.latest[period];
  if (nowMs >= latest.startMs && nowMs < latest.endMs) return latest;
  return (zone.latest[period] = WINDOWS[period](zone, nowMs));
}

/** Whether this platform knows a time zone of that name. */
export function isTimeZone(text: string): boolean {
  try {
    return openZone(text) !== undefined;
  } catch {
    return false;
  }
}

function openZone(timeZone: string): Zone {
  const zone: Zone = {
    offsetAt: timeZone === "UTC" ? () => 0 : offsetsOf(timeZone),
    latest: { minute: NO_WINDOW, hour: NO_WINDOW, day: NO_WINDOW, month: NO_WINDOW },
  };
  zones.set(timeZone, zone);
  return zone;
}

/** Throws a RangeError when the zone is unknown. */
function offsetsOf(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (ms) => {
    const wholeMs = Math.floor(ms / 1000) * 1000;
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(wholeMs)) part[type] = Number(value);
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - wholeMs;
  };
}

const WINDOWS: Record<CalendarPeriod, (zone: Zone, nowMs: number) => CalendarWindow> = {
  // Offsets are whole minutes in every zone of today.
  minute: (_zone, nowMs) => {
    const startMs = nowMs - (nowMs % MINUTE_MS);
    return { startMs, endMs: startMs + MINUTE_MS };
  },
  hour: hourOf,
  day: (zone, nowMs) =>
    datesOf(zone, nowMs, (local, more) =>
      Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate() + more),
    ),
  month: (zone, nowMs) =>
    datesOf(zone, nowMs, (local, more) =>
      Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + more),
    ),
};

/** An hour of the local clock. Where the clock moves by half an hour, the hour that it cuts is shorter. */
function hourOf(zone: Zone, nowMs: number): CalendarWindow {
  const offsetMs = zone.offsetAt(nowMs);
  let startMs = Math.floor((nowMs + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
  let endMs = startMs + HOUR_MS;
  if (zone.offsetAt(startMs) !== offsetMs) startMs = changeBetween(zone, startMs, nowMs);
  if (zone.offsetAt(endMs - 1) !== offsetMs) endMs = changeBetween(zone, nowMs, endMs);
  return { startMs, endMs };
}

/**
 * A window that begins and ends with local dates. `dateOf` says the local midnight that begins the period of a local
 * time, or that many periods later, both written as if they were UTC.
 */
function datesOf(
  zone: Zone,
  nowMs: number,
  dateOf: (local: Date, more: number) => number,
): CalendarWindow {
  const local = new Date(nowMs + zone.offsetAt(nowMs));
  for (let more = 0; ; more++) {
    const endMs = momentOf(zone, dateOf(local, more + 1));
    // A clock that is set back across midnight shows the old date again: the new one has begun all the same.
    if (nowMs < endMs) return { startMs: momentOf(zone, dateOf(local, more)), endMs };
  }
}

/** The first moment at which the local clock shows `localMs` or, where it leaps over that, something later. */
function momentOf(zone: Zone, localMs: number): number {
  const before = localMs - zone.offsetAt(localMs - DAY_MS);
  if (before + zone.offsetAt(before) === localMs) return before;
  const after = localMs - zone.offsetAt(localMs + DAY_MS);
  if (after + zone.offsetAt(after) === localMs) return after;
  return changeBetween(zone, after, before);
}

/** The moment between the two from which the offset is that of `highMs`; at most one change lies between them. */
function changeBetween(zone: Zone, lowMs: number, highMs: number): number {
  const offsetMs = zone.offsetAt(highMs);
  let low = lowMs;
  let high = highMs;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetAt(middle) === offsetMs) high = middle;
    else low = middle;
  }
  return high;
}
