import { describe, expect, test } from "vitest";
import { contextOf } from "../../test/support/context.ts";
import type { Inspected } from "../pipeline/facts.ts";
import type { Outcome } from "../pipeline/outcome.ts";
import { readInspected } from "../gateway/replay/replay-inspected.ts";
import { telemetrySchema } from "./config.ts";
import { inspectedText } from "./inspected-text.ts";
import { createMetrics } from "./metrics.ts";

const PASSED: Inspected = {
  mode: "enforce",
  request: "whole",
  answer: "nothing",
  matched: [],
  scores: {},
  refusedBy: undefined,
  isOverBudget: false,
  micros: 35,
};

const ruleOf = (id: number): Inspected["matched"][number] => ({
  id,
  phase: 2,
  message: 'says "no"\n',
  severity: 2,
  scores: { sql_injection_score: 5 },
  fields: [
    { name: "ARGS:json.items.0.note", start: 10, end: 20 },
    { name: "REQUEST_HEADERS:user-agent", start: -1, end: -1 },
  ],
});
const REFUSED: Inspected = {
  ...PASSED,
  answer: "head",
  matched: [ruleOf(942_100), ruleOf(9_510_010), ruleOf(99_001), ruleOf(7_000_000)],
  scores: { inbound_anomaly_score_pl1: 5 },
  refusedBy: { rule: 949_110, status: 403 },
  isOverBudget: true,
};

describe("what the firewall found", () => {
  test("is short where nothing matched", () => {
    expect(inspectedText(PASSED)).toBe('{"mode":"enforce","request":"whole","us":35}');
  });

  test.each([
    ["nothing", PASSED],
    ["much", REFUSED],
    ["what would have been refused", { ...REFUSED, mode: "detect" } as const],
  ])("is one line of JSON that reads back: %s", (_, inspected) => {
    const text = inspectedText(inspected);
    expect(text).not.toContain("\n");
    expect(readInspected(JSON.parse(text))).toEqual(inspected);
  });

  test("is not read from what is no object", () => {
    expect(readInspected("waf")).toBeUndefined();
  });
});

describe("the firewall's metrics", () => {
  function exposed(inspected: Inspected, changes: Partial<Outcome> = {}): string {
    const metrics = createMetrics(telemetrySchema.parse({}).metrics, { version: "1" });
    const outcome: Outcome = {
      context: { ...contextOf(), facts: { waf: inspected } },
      decision: "allow",
      status: 200,
      stage: "upstream",
      code: "ok",
      cause: undefined,
      latencyMs: 1,
      upstreamMs: 1,
      bytesIn: 0,
      bytesOut: 0,
      shadows: [],
      broken: [],
      ...changes,
    };
    metrics.record(outcome);
    const text = metrics.expose();
    metrics.close();
    return text;
  }
  const result = (name: string): string =>
    `portcullis_waf_inspections_total{route="churn.v2.predict",result="${name}"} 1`;

  test.each([
    ["passed", PASSED, {}],
    ["refused", REFUSED, { stage: "waf", code: "waf.blocked" }],
    ["detected", { ...REFUSED, mode: "detect" }, {}],
    ["detected", PASSED, { shadows: [{ stage: "waf", code: "waf.blocked" }] }],
    ["over_budget", { ...PASSED, isOverBudget: true }, {}],
    ["unread", { ...PASSED, request: "nothing" }, {}],
  ] as const)("count %s", (name, inspected, changes) => {
    expect(exposed(inspected, changes)).toContain(result(name));
  });

  test("count rules by family, and never by what a caller could choose", () => {
    const text = exposed(REFUSED);
    for (const family of ["942", "9510", "local", "other"])
      expect(text).toContain(`portcullis_waf_rules_matched_total{family="${family}"} 1`);
  });

  test("tell how long rules took, but not of what they did not read", () => {
    expect(exposed(PASSED)).toContain("portcullis_waf_inspection_seconds_count 1");
    expect(exposed({ ...PASSED, request: "nothing" })).toContain(
      "portcullis_waf_inspection_seconds_count 0",
    );
  });

  test("are not there where nothing is inspected", () => {
    const metrics = createMetrics(telemetrySchema.parse({}).metrics, { version: "1" });
    expect(metrics.expose()).not.toContain("portcullis_waf");
    metrics.close();
  });
});
