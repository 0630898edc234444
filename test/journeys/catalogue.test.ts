/** Every "no" in the catalogue has a test that brings it about; the list below says where, and is itself checked. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CATALOGUE } from "../../src/pipeline/rejection.ts";
import { REFUSALS } from "./refusal-cases.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Codes that one well-framed request cannot bring about, by the test that does. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "listener.malformed_request": "test/journeys/raw-refusals.test.ts",
  "listener.ambiguous_length": "test/journeys/raw-refusals.test.ts",
  "listener.transfer_coding_refused": "test/journeys/raw-refusals.test.ts",
  "listener.request_timeout": "test/journeys/raw-refusals.test.ts",
  "listener.overloaded": "test/journeys/raw-refusals.test.ts",
  "listener.body_incomplete": "test/journeys/raw-refusals.test.ts",
  "listener.caller_gone": "test/journeys/raw-refusals.test.ts",
  "headers.https_required": "test/journeys/raw-refusals.test.ts",
  "constitution.denied": "test/journeys/constitution.test.ts",
  "constitution.default_deny": "test/journeys/constitution.test.ts",
  "constitution.rate_limited": "test/journeys/constitution.test.ts",
  "constitution.edge_diverged": "src/stages/constitution/stage.test.ts",
  "constitution.pack_expired": "src/stages/constitution/stage.test.ts",
  "waf.blocked": "test/journeys/waf.test.ts",
  "waf.body_unreadable": "test/journeys/waf.test.ts",
  "waf.body_too_large": "test/journeys/waf.test.ts",
  "waf.budget_exceeded": "src/stages/waf/stage.test.ts",
  "waf.response_blocked": "test/journeys/waf.test.ts",
  "sources.blocked": "test/journeys/sources.test.ts",
  "sources.too_many_failures": "test/journeys/sources.test.ts",
  "sources.extraction_suspected": "test/journeys/sources.test.ts",
  "limits.store_unavailable": "src/stages/limits/stage.test.ts",
  "ledger.unavailable": "src/pipeline/journal.test.ts",
  "gateway.invariant_broken": "src/pipeline/run.test.ts",
};

const provoked = new Set<string>(REFUSALS.map(({ code }) => code));
const rest = Object.keys(CATALOGUE).filter((code) => !provoked.has(code));

test.each(rest)("%s is brought about by the test that is named for it", (code) => {
  const file = ELSEWHERE[code];
  expect(file, `${code} has no test`).toBeDefined();
  expect(readFileSync(join(ROOT, file as string), "utf8").includes(`"${code}"`)).toBe(true);
});

test("no code stands in the list that is gone, or that a table row brings about", () => {
  expect(Object.keys(ELSEWHERE).filter((code) => !rest.includes(code))).toEqual([]);
});
