/** Holds what happened to a request against what its test expects; whatever is not met is said in words. */
import type { ByteString } from "../byte-string.ts";
import type { EngineFault, MatchedRule } from "../transaction/report.ts";
import type { FtwExpectation } from "./ftw-test.ts";
import { logLine } from "./log-line.ts";
import type { Refusal } from "./read-wire.ts";

export interface StageOutcome {
  readonly matched: readonly MatchedRule[];
  readonly refusedByServer: Refusal | undefined;
  readonly fault: EngineFault | undefined;
  /** What the caller would have got. */
  readonly status: number;
  readonly responseBody: ByteString;
}

/** The assertions that do not hold; empty when the stage passed. */
export function judgeStage(outcome: StageOutcome, expected: FtwExpectation): string[] {
  if (expected.isErrorExpected) {
    return outcome.refusedByServer === undefined ? ["expected no answer, got one"] : [];
  }
  return [
    ...judgeFault(outcome),
    ...judgeAnswer(outcome, expected),
    ...judgeLog(outcome.matched, expected),
  ];
}

/** What the rules have not seen to its end must not pass for lack of a match. */
function judgeFault({ fault }: StageOutcome): string[] {
  const hasGivenUp = fault === "waf.budget_exceeded" || fault === "waf.value_too_long";
  return hasGivenUp ? [`the engine gave up: ${fault}`] : [];
}

function judgeAnswer(
  { status, responseBody, refusedByServer }: StageOutcome,
  { statuses, responseContains }: FtwExpectation,
): string[] {
  const failures: string[] = [];
  if (statuses.length > 0 && !statuses.includes(status)) {
    const reason = refusedByServer === undefined ? "" : ` (${refusedByServer.reason})`;
    failures.push(`expected status ${statuses.join(" or ")}, got ${status}${reason}`);
  }
  if (responseContains?.test(responseBody) === false) {
    failures.push(`expected an answer with ${responseContains.source}`);
  }
  return failures;
}

function judgeLog(matched: readonly MatchedRule[], expected: FtwExpectation): string[] {
  const logged = matched.filter(({ isLogged }) => isLogged);
  const ids = new Set(logged.map(({ id }) => id));
  const lines = logged.map((rule) => logLine(rule) ?? "");
  const found = (test: (line: ByteString) => boolean) => lines.some(test);
  const { matchRegex, noMatchRegex, logContains, noLogContains } = expected;
  const checks: [isMet: boolean, failure: string][] = [
    ...expected.expectIds.map((id): [boolean, string] => [ids.has(id), `expected rule ${id}`]),
    ...expected.noExpectIds.map((id): [boolean, string] => [!ids.has(id), `unexpected rule ${id}`]),
    [
      matchRegex === undefined || found((line) => matchRegex.test(line)),
      `expected a log line like ${matchRegex?.source}`,
    ],
    [
      noMatchRegex === undefined || !found((line) => noMatchRegex.test(line)),
      `unexpected log line like ${noMatchRegex?.source}`,
    ],
    [
      logContains === undefined || found((line) => line.includes(logContains)),
      `expected ${logContains} in the log`,
    ],
    [
      noLogContains === undefined || !found((line) => line.includes(noLogContains)),
      `unexpected ${noLogContains} in the log`,
    ],
    [!expected.isIsolated || ids.size === 1, "expected one rule alone"],
  ];
  return checks.filter(([isMet]) => !isMet).map(([, failure]) => failure);
}
