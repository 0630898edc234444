/** What the ledger says of limits, as replay and explain take it: degraded decisions, cost, and a 503 that is no fault. */
import { describe, expect, test } from "vitest";
import { recordedRows } from "../explain/explain-record.ts";
import { LIMITS } from "./replay-constitution.ts";
import { readDecision } from "./replay-record.ts";
import { recordedWord, type Asked } from "./replay-stages.ts";

const LINE = {
  seq: 1,
  ts: "2026-11-22T12:00:00.000000Z",
  request_id: "req-1",
  who: { method: "jwt", caller: "app", subject: "app", key: "jwt:bank:app" },
  method: "POST",
  path: "/churn/v2/predict",
  route: "churn.v2.predict",
  decision: "allow",
  status: 200,
  stage: "upstream",
  code: "ok",
  facts: {},
  limits: [{ name: "gold-cost-day", limit: 900, remaining: 800, reset_s: 60 }],
};

const BUSY = { ...LINE, decision: "error", status: 503, stage: "limits", code: "limits.busy" };

describe("a decision line", () => {
  test("tells what was reserved and settled, and that the store was away", () => {
    const cost = { reserved: 100, settled: 42 };
    expect(readDecision({ ...LINE, limits_degraded: "share", cost })).toMatchObject({
      limitsDegraded: "share",
      cost,
    });
    expect(readDecision({ ...LINE, cost: { reserved: 100 } }).cost).toEqual({
      reserved: 100,
      settled: undefined,
    });
  });

  test.each([
    { name: "without them", more: {} },
    { name: "with what is no such thing", more: { limits_degraded: "open", cost: [7] } },
    { name: "with a cost of no number", more: { cost: { reserved: "100" } } },
  ])("$name tells neither", ({ more }) => {
    expect(readDecision({ ...LINE, ...more })).toMatchObject({
      limitsDegraded: undefined,
      cost: undefined,
    });
  });
});

test("an explanation says both", () => {
  const more = { limits_degraded: "share", cost: { reserved: 100, settled: 42 } };
  const row = recordedRows(readDecision({ ...LINE, ...more })).find(
    ({ stage }) => stage === "limits",
  );
  expect(row?.knew).toBe(
    "gold-cost-day: 800 of 900 left; reserved 100 units of cost, settled 42; decided by this replica's share: the store was away",
  );
});

describe("too many at the same time, said with 503", () => {
  const record = readDecision(BUSY);

  test("is a refusal when it is replayed, not a fault that an operator may let pass", () => {
    expect(recordedWord("limits", record)).toMatchObject({
      verdict: "reject",
      rejection: { code: "limits.busy", status: 503 },
    });
  });

  test("is left to a constitution that enforces, as every refusal of limits is", () => {
    const asked = { record, isLeftToConstitution: true } as Asked;
    expect(LIMITS.decide(asked)).toMatchObject({
      verdict: "continue",
      learned: { refusal: { code: "limits.busy" } },
    });
  });
});

test("a store that was down is a fault when it is replayed", () => {
  const record = readDecision({ ...BUSY, code: "limits.store_unavailable" });
  expect(() => recordedWord("limits", record)).toThrow("failed when it was recorded");
});
