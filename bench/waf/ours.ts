/** Our engine as the benchmark runs it: one request at a time, phases 1, 2 and 5, as in the harness of libmodsecurity. */
import {
  loadRuleSet,
  type Policy,
  type RuleSet,
  type Transaction,
} from "../../src/seclang/index.ts";
import type { Matched, Measured } from "./libmodsecurity.ts";
import { PROSE_FIELD, type BenchRequest } from "./requests.ts";
import { quantile } from "./statistics.ts";

export function loadOurs(rulesFile: string, cacheDirectory?: string): RuleSet {
  return loadRuleSet({
    sources: [{ kind: "files", paths: [rulesFile] }],
    ...(cacheDirectory !== undefined && { cacheDirectory }),
  });
}

/** With the text of a chat as any argument, or declared to be a prompt. */
export function policiesOf(set: RuleSet): { plain: Policy; prompts: Policy } {
  return {
    plain: set.policy(),
    prompts: set.policy({ fieldKind: (name) => (name === PROSE_FIELD ? "prompt" : undefined) }),
  };
}

/** A promise only for bodies that are read in slices: awaiting every request would add a turn of the loop to each. */
function feed(
  transaction: Transaction,
  { head, body }: BenchRequest,
): Promise<unknown> | undefined {
  const pending = transaction.requestHead(head) ? undefined : transaction.requestBody(body);
  return pending instanceof Promise ? pending : undefined;
}

/**
 * Runs each request once. The median is of time on the clock, which an interruption by another process does not shift;
 * `cpuUs` is CPU time of the whole process by the number of requests, and so holds its share of garbage collection.
 */
export async function measureOurs(
  policy: Policy,
  requests: readonly BenchRequest[],
): Promise<Measured> {
  const micros = new Float64Array(requests.length);
  let refused = 0;
  const before = process.cpuUsage();
  for (let at = 0; at < requests.length; at += 1) {
    const startedAt = performance.now();
    const transaction = policy.transaction();
    const pending = feed(transaction, requests[at] as BenchRequest);
    if (pending) await pending;
    const { interruption } = transaction.end();
    micros[at] = (performance.now() - startedAt) * 1000;
    if (interruption) refused += 1;
  }
  const { user, system } = process.cpuUsage(before);
  const all = [...micros];
  return {
    requests: requests.length,
    medianUs: quantile(all, 0.5),
    p90Us: quantile(all, 0.9),
    worstUs: Math.max(...all),
    cpuUs: (user + system) / requests.length,
    refused,
  };
}

export async function matchOurs(
  policy: Policy,
  requests: readonly BenchRequest[],
): Promise<Matched[]> {
  const outcomes: Matched[] = [];
  for (const request of requests) {
    const transaction = policy.transaction();
    await feed(transaction, request);
    const { matched, interruption } = transaction.end();
    const rules = matched.filter(({ isLogged }) => isLogged).map(({ id }) => id);
    outcomes.push({ rules, status: interruption?.status ?? 0 });
  }
  return outcomes;
}
