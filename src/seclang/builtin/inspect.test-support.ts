/** The builtin rules as a whole, and requests that carry one value in one place; only for tests. */
import { expect } from "vitest";
import type { FieldKind } from "../collections/entry.ts";
import type { HeaderFields } from "../collections/message.ts";
import { loadRuleSet } from "../compile/load-rule-set.ts";
import type { Policy } from "../compile/policy.ts";
import type { TransactionReport } from "../transaction/report.ts";
import { builtinRulePaths } from "./builtin-rules.ts";

const rules = loadRuleSet({ sources: [{ kind: "files", paths: builtinRulePaths() }] });

/** Tests measure what is found, never how fast: a loaded machine must not refuse. */
const BUDGET_MICROS = 60_000_000;

interface BuiltinOptions {
  readonly tx?: Readonly<Record<string, string>>;
  readonly engine?: "on" | "detectionOnly";
  /** Every argument is of this kind. */
  readonly kind?: FieldKind;
}

export function builtinPolicy({ tx = {}, engine = "on", kind }: BuiltinOptions = {}): Policy {
  return rules.policy({
    tx,
    engine,
    budgetMicros: BUDGET_MICROS,
    ...(kind === undefined ? {} : { fieldKind: () => kind }),
  });
}

export interface Sent {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: HeaderFields;
  readonly contentType?: string;
  readonly body?: string;
}

/** Bytes of the text, one character each, as headers and targets carry them. */
export const toLatin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/** What the rules say of one request. */
export async function inspect(policy: Policy, sent: Sent): Promise<TransactionReport> {
  const body = new TextEncoder().encode(sent.body ?? "");
  const framing: HeaderFields =
    sent.body === undefined
      ? []
      : [
          ["Content-Type", sent.contentType ?? "application/json"],
          ["Content-Length", String(body.length)],
        ];
  const transaction = policy.transaction();
  const own = new Set((sent.headers ?? []).map(([name]) => name.toLowerCase()));
  const headers = [...ORDINARY.filter(([name]) => !own.has(name.toLowerCase())), ...framing];
  const verdict = transaction.requestHead({
    method: sent.method ?? (sent.body === undefined ? "GET" : "POST"),
    target: sent.target ?? "/v1/predict",
    protocol: "HTTP/1.1",
    headers: [...headers, ...(sent.headers ?? [])],
    remoteAddress: "203.0.113.7",
  });
  if (verdict === undefined) await transaction.requestBody(body);
  const report = transaction.end();
  expect(report.fault).not.toBe("waf.budget_exceeded");
  return report;
}

const ORDINARY: HeaderFields = [
  ["Host", "api.example.com"],
  ["User-Agent", "python-requests/2.32.3"],
  ["Accept", "application/json"],
];

/** The places of a request where a caller can put text. */
export const PLACES: Readonly<Record<string, (text: string) => Sent>> = {
  "a JSON field": (text) => ({ body: JSON.stringify({ model: "m", x: text }) }),
  "a query argument": (text) => ({ target: `/v1/predict?q=${encodeURIComponent(text)}` }),
  "a header": (text) => ({ headers: [["X-Data", toLatin1(text)]] }),
  "the User-Agent": (text) => ({ headers: [["User-Agent", toLatin1(text)]] }),
  "the Referer": (text) => ({ headers: [["Referer", toLatin1(text)]] }),
};

export const matchedIds = (report: TransactionReport): readonly number[] =>
  report.matched.map(({ id }) => id);
