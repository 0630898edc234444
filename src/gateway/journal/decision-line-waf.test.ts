/** What a line says of the firewall: with the decision, and again with the outcome where the answer came after it. */
import { expect, test } from "vitest";
import { contextOf } from "../../../test/support/context.ts";
import type { Inspected } from "../../pipeline/facts.ts";
import type { Resolution } from "../../pipeline/journal.ts";
import { DecisionLines } from "./decision-line.ts";

const INSPECTED: Inspected = {
  mode: "enforce",
  request: "whole",
  answer: "nothing",
  matched: [],
  scores: {},
  refusedBy: undefined,
  isOverBudget: false,
  micros: 40,
};
const LINES = new DecisionLines({
  config: "b3:0",
  isHashed: false,
  isCommitted: false,
  addresses: "none",
  salts: { saltOf: () => ({ id: "s", bytes: Buffer.alloc(32, 1) }) },
});

function resolutionOf(waf: Inspected | undefined): Resolution {
  return {
    context: contextOf({ facts: waf ? { waf } : {} }),
    decision: "allow",
    status: 200,
    stage: "upstream",
    code: "ok",
    latencyMs: 1,
    upstreamMs: 1,
    shadows: [],
    broken: [],
    body: undefined,
  };
}
const parsed = (members: string): Record<string, unknown> =>
  JSON.parse(`{${members}}`) as Record<string, unknown>;

test("a decision says what was found, also before there is an answer", () => {
  const waf = { mode: "enforce", request: "whole", us: 40 };
  const resolution = resolutionOf(INSPECTED);
  expect(parsed(LINES.decision(resolution))).toMatchObject({ facts: { waf } });
  expect(parsed(LINES.begun(resolution.context))).toMatchObject({ facts: { waf } });
});

test("an outcome says it again where the answer was looked at", () => {
  const answered = resolutionOf({ ...INSPECTED, answer: "whole" });
  expect(parsed(LINES.outcome(answered))).toMatchObject({ waf: { answer: "whole" } });
  expect(parsed(LINES.outcome(resolutionOf(INSPECTED)))).not.toHaveProperty("waf");
});

test("without a firewall nothing is said", () => {
  const resolution = resolutionOf(undefined);
  expect(LINES.decision(resolution) + LINES.outcome(resolution)).not.toContain('"waf"');
});
