/** Calendar windows against known days of known zones, and against the calendar itself at random moments. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTimeZone, windowOf } from "./calendar-window.ts";
import { CALENDAR_PERIODS, HOUR_MS, type CalendarPeriod } from "./limit-store.ts";

const ZONES = [
  "UTC",
  "Europe/Zurich",
  "America/New_York",
  "America/Sao_Paulo",
  "America/Havana",
  "America/St_Johns",
  "Africa/Cairo",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Tokyo",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Chatham",
];

/** Days on which a clock changes: some at midnight, one at a minute past it, one over the date line. */
const CHANGES =
  "2026-03-29 2026-10-25 2026-03-08 2026-11-01 2026-04-05 2018-11-04 2010-11-07 2010-03-14 2011-12-30 2026-04-24 2026-10-29".split(
    " ",
  );

const hoursOf = (period: CalendarPeriod, zone: string, at: string): number => {
  const { startMs, endMs } = windowOf(period, zone, Date.parse(at));
  return (endMs - startMs) / HOUR_MS;
};
const spanOf = (period: CalendarPeriod, zone: string, at: string): string[] => {
  const { startMs, endMs } = windowOf(period, zone, Date.parse(at));
  return [startMs, endMs].map((ms) => new Date(ms).toISOString().slice(0, 16));
};

describe("calendar windows", () => {
  test.each([
    ["day", "UTC", "2026-11-22T12:00:00Z", ["2026-11-22T00:00", "2026-11-23T00:00"]],
    ["day", "Europe/Zurich", "2026-11-22T23:30:00Z", ["2026-11-22T23:00", "2026-11-23T23:00"]],
    ["day", "Asia/Kathmandu", "2026-11-22T18:14:00Z", ["2026-11-21T18:15", "2026-11-22T18:15"]],
    ["hour", "Asia/Kathmandu", "2026-11-22T18:14:00Z", ["2026-11-22T17:15", "2026-11-22T18:15"]],
    ["minute", "Asia/Kathmandu", "2026-11-22T18:14:30Z", ["2026-11-22T18:14", "2026-11-22T18:15"]],
    ["month", "UTC", "2028-02-29T23:59:59Z", ["2028-02-01T00:00", "2028-03-01T00:00"]],
    ["month", "Europe/Zurich", "2026-10-31T22:59:00Z", ["2026-09-30T22:00", "2026-10-31T23:00"]],
    ["month", "America/New_York", "2026-12-31T23:00:00Z", ["2026-12-01T05:00", "2027-01-01T05:00"]],
  ] as const)("the %s of %s at %s", (period, zone, at, span) => {
    expect(spanOf(period, zone, at)).toEqual(span);
  });

  test.each([
    ["Europe/Zurich", "2026-03-29T12:00:00Z", 23],
    ["Europe/Zurich", "2026-10-25T12:00:00Z", 25],
    ["America/New_York", "2026-03-08T12:00:00Z", 23],
    ["America/New_York", "2026-11-01T12:00:00Z", 25],
    ["Australia/Lord_Howe", "2026-04-05T00:00:00Z", 24.5],
    // Midnight itself does not exist on these days, or exists twice.
    ["America/Sao_Paulo", "2018-11-04T12:00:00Z", 23],
    ["America/Havana", "2026-11-01T12:00:00Z", 25],
    // The island went over the date line: the 30th of December 2011 was left out.
    ["Pacific/Apia", "2011-12-30T09:00:00Z", 24],
    ["Pacific/Apia", "2011-12-30T11:00:00Z", 24],
  ])("a day of %s at %s has %d hours", (zone, at, hours) => {
    expect(hoursOf("day", zone, at)).toBe(hours);
  });

  test.each([
    ["2026-10-25T00:30:00Z", 1],
    ["2026-10-25T01:30:00Z", 1],
  ])("an hour that the clock shows twice is two hours (%s)", (at, hours) => {
    expect(hoursOf("hour", "Europe/Zurich", at)).toBe(hours);
  });

  test("every moment is in its window, and windows join without gap or overlap", () => {
    const near = fc
      .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -26 * HOUR_MS, max: 50 * HOUR_MS }))
      .map(([date, offMs]) => Date.parse(date) + offMs);
    const moments = fc.oneof(near, fc.integer({ min: Date.UTC(2009, 0), max: Date.UTC(2036, 0) }));
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.constantFrom(...CALENDAR_PERIODS),
        moments,
        (zone, period, nowMs) => {
          const window = windowOf(period, zone, nowMs);
          expect(window.startMs).toBeLessThanOrEqual(nowMs);
          expect(window.endMs).toBeGreaterThan(nowMs);
          for (const inside of [window.startMs, window.endMs - 1])
            expect(windowOf(period, zone, inside)).toEqual(window);
          expect(windowOf(period, zone, window.endMs).startMs).toBe(window.endMs);
          expect(windowOf(period, zone, window.startMs - 1).endMs).toBe(window.startMs);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("knows which zones there are", () => {
    expect(ZONES.filter((zone) => !isTimeZone(zone))).toEqual([]);
    expect(isTimeZone("Mars/Olympus")).toBe(false);
  });
});
