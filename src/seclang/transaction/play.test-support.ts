/** Plays one request through rules given as text, for tests of the engine. */
import { loadRuleSet } from "../compile/load-rule-set.ts";
import type { PolicyOptions } from "../compile/policy.ts";
import type { Transaction } from "./transaction.ts";
import type { TransactionReport } from "./report.ts";

export interface Play {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly contentType?: string;
  readonly body?: string;
  readonly response?: {
    readonly status?: number;
    readonly headers?: readonly (readonly [string, string])[];
    readonly body?: string;
  };
  readonly policy?: PolicyOptions;
}

/** The report after all five phases. */
export async function play(rules: string, request: Play = {}): Promise<TransactionReport> {
  const ruleSet = loadRuleSet({ sources: [{ kind: "text", file: "test.conf", text: rules }] });
  return playOn(ruleSet.policy(request.policy).transaction(), request);
}

export async function playOn(
  transaction: Transaction,
  { method = "POST", target = "/", headers = [], contentType, body, response }: Play,
): Promise<TransactionReport> {
  const type = contentType === undefined ? [] : ([["Content-Type", contentType]] as const);
  transaction.requestHead({
    method,
    target,
    protocol: "HTTP/1.1",
    headers: [["Host", "models.example"], ...headers, ...type],
    id: "test-1",
    remoteAddress: "192.0.2.7",
  });
  await transaction.requestBody(Buffer.from(body ?? "", "latin1"));
  if (response !== undefined) {
    const { status = 200, headers: answered = [["Content-Type", "text/plain"]] } = response;
    transaction.responseHead({ status, protocol: "HTTP/1.1", headers: answered });
    await transaction.responseBody(Buffer.from(response.body ?? "", "latin1"));
  }
  return transaction.end();
}

/** Ids of the rules that matched, in order. */
export function idsOf({ matched }: TransactionReport): readonly number[] {
  return matched.map(({ id }) => id);
}
