/** The contract of quotas: windows of the calendar, in a time zone. */
import { expect, test } from "vitest";
import { windowOf } from "./calendar-window.ts";
import { CALENDAR_PERIODS, DAY_MS, HOUR_MS, MINUTE_MS } from "./limit-store.ts";
import {
  group,
  quota,
  type StoreUnderTest,
  type Trial,
  type WithTrial,
} from "./limit-trial.test-support.ts";

/** A running clock is not asked so close to the end of a window. */
const CLOSE_MS = 5 * MINUTE_MS;
/** How far a reading may be from the time that the test reads itself. */
const CLOCK_SLACK_MS = 30_000;

/** A zone in which no window that is tested ends soon. */
function quietZone(trial: Trial): string {
  const zones = ["UTC", "Asia/Kolkata", "Pacific/Honolulu", "Asia/Kathmandu"];
  const isQuiet = (zone: string): boolean =>
    (["hour", "day", "month"] as const).every(
      (period) => windowOf(period, zone, trial.nowMs).endMs - trial.nowMs > CLOSE_MS,
    );
  const zone = zones.find(isQuiet);
  if (zone === undefined) throw new Error("no zone is quiet");
  return zone;
}

export function describeQuotas(withTrial: WithTrial, { isExactClock }: StoreUnderTest): void {
  test.each(["hour", "day", "month"] as const)(
    "a quota a %s lets its number through and tells when its window ends",
    async (kind) => {
      await withTrial(async (trial) => {
        const zone = quietZone(trial);
        const rules = group(quota(kind, 4, "requests", zone));
        expect(await trial.passing(rules)).toBe(4);
        const { refusedBy, retryAfterMs } = await trial.refused(rules);
        const leftMs = windowOf(kind, zone, trial.nowMs).endMs - trial.nowMs;
        expect(Math.abs(retryAfterMs - leftMs)).toBeLessThan(CLOCK_SLACK_MS);
        expect(refusedBy).toMatchObject({ remaining: 0, resetMs: retryAfterMs });
      })();
    },
  );

  if (isExactClock) describeWindowEnds(withTrial);
}

function describeWindowEnds(withTrial: WithTrial): void {
  test.each(CALENDAR_PERIODS)(
    "a quota a %s holds to the last millisecond of its window and is new in the next",
    async (kind) => {
      await withTrial(async (trial) => {
        const rules = group(quota(kind, 4, "requests", "Asia/Kathmandu"));
        const { endMs } = windowOf(kind, "Asia/Kathmandu", trial.nowMs);
        expect(await trial.passing(rules)).toBe(4);
        await trial.goTo(endMs - 1);
        expect((await trial.refused(rules)).retryAfterMs).toBe(1);
        await trial.goTo(endMs);
        expect(await trial.passing(rules)).toBe(4);
      })();
    },
  );

  test.each([
    ["Europe/Zurich", "2033-03-26T23:00:00Z", 23],
    ["Europe/Zurich", "2033-10-29T22:00:00Z", 25],
    ["America/Havana", "2033-11-06T04:00:00Z", 25],
  ])("a day of %s that begins at %s has %d hours", async (zone, start, hours) => {
    await withTrial(async (trial) => {
      const rules = group(quota("day", 2, "requests", zone));
      await trial.goTo(Date.parse(start) - 1);
      expect(await trial.passing(rules)).toBe(2);
      await trial.advance(1);
      expect(await trial.passing(rules)).toBe(2);
      await trial.advance(hours * HOUR_MS - 1);
      expect(await trial.passing(rules)).toBe(0);
      await trial.advance(1);
      expect(await trial.passing(rules)).toBe(2);
    })();
  });

  test(
    "a month has as many days as the calendar says",
    withTrial(async (trial) => {
      const rules = group(quota("month", 1));
      for (const [first, days] of [
        ["2032-02-01", 29],
        ["2032-04-01", 30],
        ["2033-02-01", 28],
        ["2033-05-01", 31],
      ] as const) {
        await trial.goTo(Date.parse(first));
        expect(await trial.passing(rules)).toBe(1);
        await trial.advance(days * DAY_MS - 1);
        expect(await trial.passing(rules)).toBe(0);
        await trial.advance(1);
        expect(await trial.passing(rules)).toBe(1);
      }
    }),
  );

  test(
    "a clock set back to an earlier window brings no fresh allowance, and locks nobody out for longer than that window",
    withTrial(async (trial) => {
      const rules = group(quota("hour", 3));
      const { startMs } = windowOf("hour", "UTC", trial.nowMs + DAY_MS);
      await trial.goTo(startMs + 1000);
      expect(await trial.passing(rules)).toBe(3);
      await trial.advance(-5 * HOUR_MS);
      expect(await trial.passing(rules)).toBe(0);
      await trial.advance(HOUR_MS);
      expect(await trial.passing(rules)).toBe(3);
    }),
  );

  test(
    "a time zone that changes brings no fresh allowance to a day that has begun",
    withTrial(async (trial) => {
      await trial.goTo(Date.parse("2033-05-05T12:00:00Z"));
      expect(await trial.passing(group(quota("day", 3, "requests", "UTC")))).toBe(3);
      for (const zone of ["America/New_York", "Asia/Tokyo", "UTC"]) {
        const { retryAfterMs } = await trial.refused(group(quota("day", 3, "requests", zone)));
        expect(retryAfterMs).toBe(windowOf("day", zone, trial.nowMs).endMs - trial.nowMs);
      }
    }),
  );
}
