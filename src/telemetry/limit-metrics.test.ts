/** The metrics of limits: what each decision adds, the least share, and that no caller makes a series. */
import { describe, expect, test } from "vitest";
import { contextOf, NOON_MS, routeOf } from "../../test/support/context.ts";
import type { Limited, LimitState } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import { rejection } from "../pipeline/rejection.ts";
import { LimitMetrics } from "./limit-metrics.ts";
import { Registry } from "./metric-registry.ts";

const MINUTE_MS = 60_000;

function outcomeOf(changes: Partial<Outcome> = {}): Outcome {
  return {
    context: contextOf(),
    decision: "allow",
    status: 200,
    stage: "upstream",
    code: "ok",
    cause: undefined,
    latencyMs: 1,
    upstreamMs: 1,
    bytesIn: 1,
    bytesOut: 1,
    shadows: [],
    broken: [],
    ...changes,
  };
}

const stateOf = (changes: Partial<LimitState> = {}): LimitState => ({
  name: "gold",
  limit: 10,
  remaining: 5,
  resetSeconds: 1,
  kind: "bucket",
  unit: "requests",
  ...changes,
});

function setUp(seriesLimit?: number) {
  const registry = new Registry(seriesLimit);
  const clock = { nowMs: NOON_MS };
  const metrics = new LimitMetrics(registry, () => clock.nowMs);
  const record = (limited: Partial<Limited>, changes?: Partial<Outcome>): void =>
    metrics.record(outcomeOf(changes), { states: [], tier: "gold", ...limited });
  const samples = (name: string): string[] =>
    registry
      .expose()
      .split("\n")
      .filter((line) => line.startsWith(`portcullis_limits_${name}{`))
      .map((line) => line.slice("portcullis_limits_".length));
  return { record, samples, clock };
}

describe("decisions", () => {
  test("admitted ones are counted by tier", () => {
    const { record, samples } = setUp();
    record({});
    record({ tier: "default" });
    record({});
    expect(samples("admitted_total")).toEqual([
      'admitted_total{tier="gold"} 2',
      'admitted_total{tier="default"} 1',
    ]);
  });

  test("requests of no limit are no decisions", () => {
    const { record, samples } = setUp();
    record({ tier: undefined });
    expect(samples("admitted_total")).toEqual([]);
  });

  test("refused ones are counted by limit, kind and unit, and by what came of it", () => {
    const { record, samples } = setUp();
    const refusedBy = stateOf({ name: "gold-cost-day", kind: "day", unit: "cost", remaining: 0 });
    record({ refusedBy }, { stage: "limits", code: "limits.cost_exhausted" });
    record({ refusedBy }, { shadows: [{ stage: "limits", code: "limits.cost_exhausted" }] });
    record({ refusedBy, refusal: rejection("limits.cost_exhausted") }, { stage: "constitution" });
    const labels = 'limit="gold-cost-day",kind="day",unit="cost"';
    expect(samples("refused_total")).toEqual(
      ["refused", "shadow", "left"].map(
        (effect) => `refused_total{${labels},effect="${effect}"} 1`,
      ),
    );
    expect(samples("admitted_total")).toEqual([]);
  });

  test("degraded ones are counted by mode", () => {
    const { record, samples } = setUp();
    record({ degraded: "share" });
    record({ degraded: "allow" });
    record({ degraded: "share" });
    expect(samples("degraded_decisions_total")).toEqual([
      'degraded_decisions_total{mode="share"} 2',
      'degraded_decisions_total{mode="allow"} 1',
    ]);
  });
});

describe("cost", () => {
  test("is counted as reserved, settled, given back and charged on top", () => {
    const { record, samples } = setUp();
    record({ cost: { reserved: 100, settled: 30 } });
    record({ cost: { reserved: 100, settled: 250 } });
    record({ cost: { reserved: 100, settled: 100 } });
    const context = { ...contextOf(), route: routeOf({ id: "other" }) };
    record({ cost: { reserved: 1, settled: 0 } }, { context });
    const route = 'route="churn.v2.predict"';
    expect(samples("cost_units_total")).toEqual([
      `cost_units_total{${route},step="reserved"} 300`,
      `cost_units_total{${route},step="settled"} 380`,
      `cost_units_total{${route},step="refunded"} 70`,
      `cost_units_total{${route},step="charged_on_top"} 150`,
      'cost_units_total{route="other",step="reserved"} 1',
      'cost_units_total{route="other",step="settled"} 0',
      'cost_units_total{route="other",step="refunded"} 1',
    ]);
  });
});

describe("the remaining share", () => {
  const shareOf = (samples: (name: string) => string[]): string[] =>
    samples("remaining_ratio").map((line) => line.replace(/^.*limit="([^"]*)".*\} /, "$1 "));

  test("is the least of any caller, by limit", () => {
    const { record, samples } = setUp();
    record({ states: [stateOf({ remaining: 9 }), stateOf({ name: "gold-day", remaining: 2 })] });
    record({ states: [stateOf({ remaining: 4 })] });
    record({ states: [stateOf({ remaining: 7 })] });
    expect(shareOf(samples)).toEqual(["gold 0.4", "gold-day 0.2"]);
  });

  test("is shown for a minute at least, and forgotten after two", () => {
    const { record, samples, clock } = setUp();
    clock.nowMs = NOON_MS + MINUTE_MS - 1;
    record({ states: [stateOf({ remaining: 1 })] });
    clock.nowMs = NOON_MS + 2 * MINUTE_MS - 1;
    record({ states: [stateOf({ remaining: 8 })] });
    expect(shareOf(samples)).toEqual(["gold 0.1"]);
    clock.nowMs = NOON_MS + 2 * MINUTE_MS;
    expect(shareOf(samples)).toEqual(["gold 0.8"]);
    clock.nowMs = NOON_MS + 3 * MINUTE_MS;
    expect(shareOf(samples)).toEqual([]);
  });

  test("is never below nothing: what was charged on top of a limit is not shown as such", () => {
    const { record, samples } = setUp();
    record({ states: [stateOf({ remaining: -5 })] });
    expect(shareOf(samples)).toEqual(["gold 0"]);
  });
});

test("series are bounded, whatever names there are", () => {
  const { record, samples } = setUp(5);
  for (let i = 0; i < 50; i++) record({ tier: `t${i}`, states: [stateOf({ name: `l${i}` })] });
  expect(samples("admitted_total")).toHaveLength(6);
  expect(samples("remaining_ratio")).toHaveLength(5);
});
