/** What happens when the shared store is back: slots go where they came from, and what was used without it is told. */
import { describe, expect, test } from "vitest";
import { until } from "../../../../test/support/until.ts";
import { DAY_MS } from "../limit-store.ts";
import {
  bucket,
  daily,
  groups,
  remainingOf,
  SILENCE,
  slots,
  worldOf,
} from "./away.test-support.ts";

describe("what was given", () => {
  test("is given back to the store that gave it, also while that one is away, and once", async () => {
    const { decide, guard, link, shared } = worldOf();
    const first = await decide(groups(slots(4)));
    link.turn("down");
    const second = await decide(groups(slots(4)));
    if (!first.isGranted || !second.isGranted || !first.hold || !second.hold)
      throw new Error("not held");
    guard.finish(first.hold, 7);
    expect(shared.finished).toEqual([7]);
    expect(remainingOf(await decide(groups(slots(4))))).toEqual([0]);
    link.turn("up");
    guard.finish(second.hold, undefined);
    guard.finish(second.hold, undefined);
    expect(shared.finished).toEqual([7]);
    link.turn("down");
    expect((await decide(groups(slots(4)))).isGranted).toBe(true);
    expect((await decide(groups(slots(4)))).isGranted).toBe(false);
  });

  test.each([NaN, -1, Infinity])("a cost of %s leaves what was reserved", async (cost) => {
    const { decide, guard, link, shared } = worldOf();
    link.turn("down");
    const verdict = await decide(groups(daily(100, { unit: "cost" })), 5);
    if (!verdict.isGranted || !verdict.hold) throw new Error("not held");
    guard.finish(verdict.hold, cost);
    link.turn("up");
    await until("reported", () => shared.reports.length > 0);
    expect(shared.reports[0]?.map(({ units }) => units)).toEqual([5]);
  });

  test("needs no giving back where nothing is held", async () => {
    const { decide, link } = worldOf();
    link.turn("down");
    const verdict = await decide(groups(bucket(4)));
    expect(verdict.isGranted && verdict.hold).toBeUndefined();
  });
});

describe("what was used of calendar quotas while the store was away", () => {
  test("is reported when it is back, by counter, and once", async () => {
    const { decide, link, shared, clock } = worldOf();
    link.turn("down");
    for (let i = 0; i < 3; i++) await decide(groups(daily(10), bucket(20)));
    await decide([{ scope: "total", subject: "key:2", rules: [daily(10)] }]);
    const atMs = clock.nowMs();
    expect(shared.reports).toEqual([]);
    link.turn("up");
    await until("the report", () => shared.reports.length > 0);
    const told = shared.reports.flat();
    expect(told.map(({ rule, ...use }) => ({ ...use, kind: rule.kind, unit: rule.unit }))).toEqual([
      { scope: "route:churn", subject: "key:1", units: 3, atMs, kind: "day", unit: "requests" },
      { scope: "total", subject: "key:2", units: 1, atMs, kind: "day", unit: "requests" },
    ]);
    link.turn("down");
    await decide(groups(daily(10)));
    link.turn("up");
    await until("another report", () => shared.reports.length > 1);
    expect(shared.reports.at(-1)?.map(({ units }) => units)).toEqual([1]);
  });

  test("is reported as what it came to cost, when that is known", async () => {
    const { decide, link, guard, shared } = worldOf();
    link.turn("down");
    const verdict = await decide(groups(daily(100, { unit: "cost" })), 30);
    link.turn("up");
    if (!verdict.isGranted || !verdict.hold) throw new Error("not held");
    guard.finish(verdict.hold, 12);
    guard.finish(verdict.hold, 12);
    await until("the report", () => shared.reports.length > 0);
    expect(shared.reports.flat().map(({ units }) => units)).toEqual([12]);
  });

  test("is of one window: what was used in one that is over is not", async () => {
    const { decide, link, shared, clock } = worldOf({ degradedForMs: 2 * DAY_MS });
    link.turn("down");
    await decide(groups(daily(10)));
    await decide(groups(daily(10)));
    clock.advance(DAY_MS);
    await decide(groups(daily(10)));
    link.turn("up");
    await until("the report", () => shared.reports.length > 0);
    expect(shared.reports.flat().map(({ units }) => units)).toEqual([1]);
  });

  test("is not reported where the store may have counted it itself", async () => {
    const { decide, link, shared } = worldOf();
    shared.failure = SILENCE;
    await decide(groups(daily(10)));
    shared.failure = undefined;
    link.turn("down");
    await decide([{ scope: "total", subject: "key:2", rules: [daily(10)] }]);
    link.turn("up");
    await until("the report", () => shared.reports.length > 0);
    expect(shared.reports.flat().map(({ scope }) => scope)).toEqual(["total"]);
  });

  test("is said to be lost where the report was, and not sent again", async () => {
    const { decide, link, guard, shared } = worldOf();
    link.turn("down");
    for (let i = 0; i < 3; i++) await decide(groups(daily(10)));
    shared.failure = SILENCE;
    link.turn("up");
    await until("the loss", () => guard.snapshot().unreportedUnits === 3);
    shared.failure = undefined;
    await guard.close();
    expect(shared.reports).toEqual([]);
  });

  test("is reported in pieces, and to the end when the guard is closed", async () => {
    const { decide, link, guard, shared } = worldOf();
    link.turn("down");
    for (let i = 0; i < 250; i++)
      await decide([{ scope: "total", subject: `key:${i}`, rules: [daily(10)] }]);
    link.turn("up");
    await guard.close();
    expect(shared.reports.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(link.listeners).toBe(0);
    expect(shared.isClosed).toBe(true);
  });
});
