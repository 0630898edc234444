/** Reads what a test stage expects of the log and of the answer, in both spellings. */
import type { FtwExpectation } from "./ftw-test.ts";
import type { StrictNode } from "./strict-node.ts";

// `retry_once` makes up for logs that are written late; here nothing is late.
const OUTPUT_KEYS = [
  "log",
  "log_contains",
  "no_log_contains",
  "status",
  "expect_error",
  "retry_once",
  "isolated",
  "response_contains",
];
const LOG_KEYS = ["expect_ids", "no_expect_ids", "match_regex", "no_match_regex"];

export function readExpectation(node: StrictNode): FtwExpectation {
  const members = node.members(OUTPUT_KEYS);
  const log = members.get("log")?.members(LOG_KEYS) ?? new Map<string, StrictNode>();
  members.get("retry_once")?.flag();
  const expected: FtwExpectation = {
    expectIds: countsOf(log.get("expect_ids")),
    noExpectIds: countsOf(log.get("no_expect_ids")),
    matchRegex: patternOf(log.get("match_regex")),
    noMatchRegex: patternOf(log.get("no_match_regex")),
    logContains: members.get("log_contains")?.bytes(),
    noLogContains: members.get("no_log_contains")?.bytes(),
    isIsolated: members.get("isolated")?.flag() ?? false,
    responseContains: patternOf(members.get("response_contains")),
    statuses: countsOf(members.get("status")),
    isErrorExpected: members.get("expect_error")?.flag() ?? false,
  };
  if (isEmpty(expected)) node.fail("expects nothing");
  return expected;
}

function isEmpty(expected: FtwExpectation): boolean {
  return Object.values(expected).every(
    (value) => value === undefined || value === false || (Array.isArray(value) && !value.length),
  );
}

/** A number, or a list of them. */
function countsOf(node: StrictNode | undefined): number[] {
  if (node === undefined || node.isEmpty()) return [];
  return node.isList() ? node.items().map((item) => item.count()) : [node.count()];
}

/** Written for Go's engine; what is used of it means the same here, on bytes. */
function patternOf(node: StrictNode | undefined): RegExp | undefined {
  if (node === undefined || node.isEmpty()) return undefined;
  try {
    return new RegExp(node.bytes());
  } catch {
    return node.fail("is no regular expression");
  }
}
