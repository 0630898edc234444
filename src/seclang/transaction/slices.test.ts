/** Large bodies are inspected in slices, and a rule over thousands of values is no unit of its own: counted, never timed. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { idsOf, play } from "./play.test-support.ts";

const JSON_TYPE = "application/json";
const FIELDS = 4_000;
/** Longer than what is inspected at once. */
const BODY = JSON.stringify(
  Object.fromEntries(Array.from({ length: FIELDS }, (_, i) => [`field${i}`, `value ${i}`])),
);
/** No filter may answer for a negated rule: it is asked about every value. */
const RULES = `
  SecRule ARGS "!@contains nothing" "id:1,phase:2,pass,setvar:tx.seen_score=+1"
  SecRule ARGS "!@contains nothing" "id:2,phase:2,pass,chain,setvar:tx.head_score=+1"
    SecRule ARGS "@rx value (\\d+)$" "capture,setvar:tx.link_score=+%{TX.1}"
`;
const SUM = (FIELDS * (FIELDS - 1)) / 2;
const AMPLE = { budgetMicros: 600_000_000 };

afterEach(() => {
  vi.restoreAllMocks();
});

/** A clock on which each look takes a millisecond. */
function slowClock(): { readonly looks: () => number } {
  let nowMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => nowMs++);
  return { looks: () => nowMs };
}

describe("a body of many fields", () => {
  test("is inspected in many slices, and comes to the same result as at once", async () => {
    expect(BODY.length).toBeGreaterThan(65_536);
    const scores = { seen_score: FIELDS, head_score: FIELDS, link_score: SUM };
    const request = { contentType: JSON_TYPE, body: BODY, policy: AMPLE };
    const clock = slowClock();
    const turns = vi.spyOn(globalThis, "setImmediate");
    const sliced = await play(RULES, request);
    // A slice is two looks, one more begins it.
    expect(turns.mock.calls.length).toBeGreaterThan(clock.looks() / 10);
    expect(turns.mock.calls.length).toBeGreaterThan(FIELDS / 50);
    expect(sliced.scores).toEqual(scores);
    expect(idsOf(sliced)).toEqual([1, 2]);
    vi.restoreAllMocks();
    const plain = await play(RULES, { ...request, policy: { ...AMPLE, isOptimized: false } });
    expect({ ...plain, micros: 0 }).toEqual({ ...sliced, micros: 0 });
  });

  test("is inspected in slices although it has few bytes", async () => {
    const body = JSON.stringify(Array.from({ length: 2_000 }, (_, i) => i));
    expect(body.length).toBeLessThan(10_000);
    slowClock();
    const turns = vi.spyOn(globalThis, "setImmediate");
    await play(`SecRule ARGS "!@contains nothing" "id:1,phase:2,pass"`, {
      contentType: JSON_TYPE,
      body,
      policy: AMPLE,
    });
    expect(turns.mock.calls.length).toBeGreaterThan(20);
  });

  test("costs no more than the budget, although one rule asks for it all", async () => {
    const [one = ""] = RULES.trim().split("\n");
    vi.spyOn(process, "cpuUsage").mockImplementation(() => cpuUsage());
    if ("threadCpuUsage" in process)
      vi.spyOn(process, "threadCpuUsage").mockImplementation(() => cpuUsage());
    let looks = 0;
    const cpuUsage = () => ({ user: ++looks * 1_000, system: 0 });
    slowClock();
    const policy = { budgetMicros: 10_000, isOptimized: false };
    const report = await play(one, { contentType: JSON_TYPE, body: BODY, policy });
    expect(report.fault).toBe("waf.budget_exceeded");
    expect(report.interruption).toMatchObject({ status: 403, ruleId: 0 });
    expect(report.scores["seen_score"]).toBeGreaterThan(0);
    expect(report.scores["seen_score"]).toBeLessThan(FIELDS / 2);
  });
});
