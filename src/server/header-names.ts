/** What the listener knows of header field names: one table, read once a name and remembered; it judges no values. */

/** How the listener treats a field of that name. */
export type FieldTreatment =
  /** Passed on. */
  | "pass"
  /** Passed on; a second field of that name is refused: two readers could pick different ones. */
  | "once"
  /** Meant for this connection only (RFC 9110 section 7.6.1); read where needed, never passed on. */
  | "drop"
  /** Says who the caller was before a proxy; kept only from trusted proxies. */
  | "forwarding"
  /** Not a token, or a spelling that shadows a field someone trusts. */
  | "refuse";

export interface FieldName {
  /** Lower case. */
  readonly name: string;
  readonly treatment: FieldTreatment;
  /** One bit for each name that may occur once; 0 for others. */
  readonly onceBit: number;
  /** Whether the listener itself reads the value. */
  readonly isRead: boolean;
}

// RFC 9110 section 7.6.1, and what older proxies take for connection fields. `expect` ends here too: the listener
// itself meets the expectation. `proxy-authorization` is for a proxy that the caller chose, which this is not.
const DROPPED = `connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings expect
  proxy-authorization`;
// At most 31, one bit each.
const ONCE = `host content-length content-type content-encoding content-location content-range authorization dpop origin
  referer user-agent from range max-forwards if-modified-since if-unmodified-since idempotency-key x-api-key
  x-request-id x-correlation-id traceparent access-control-request-method date x-http-method-override
  openai-organization openai-project anthropic-version`;
const FORWARDING = `forwarded x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port x-forwarded-prefix
  x-forwarded-server x-forwarded-scheme x-forwarded-ssl x-forwarded-client-cert x-real-ip x-client-ip x-cluster-client-ip
  true-client-ip cf-connecting-ip x-original-forwarded-for x-original-url x-rewrite-url x-original-host x-client-cert
  x-ssl-client-cert x-ssl-client-verify ssl-client-cert ssl-client-verify client-cert client-cert-chain front-end-https`;
const ORDINARY = `accept accept-encoding accept-language cache-control cookie tracestate pragma if-match if-none-match
  b3 x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled x-b3-flags baggage priority content-language
  x-tls-version x-mtls-verified x-mtls-issuer x-webhook-verified x-panic-mode x-policy-decision x-policy-pack
  cf-access-authenticated-user-email cf-access-groups cf-access-jwt-assertion x-goog-iap-jwt-assertion
  webhook-id webhook-timestamp webhook-signature`;
const READ = new Set(
  `connection transfer-encoding upgrade expect host content-length x-request-id x-correlation-id traceparent tracestate
  forwarded x-forwarded-for x-forwarded-proto cookie http2-settings`.split(/\s+/),
);

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const list = (text: string): string[] => text.split(/\s+/);
const table = new Map<string, FieldName>();
list(ONCE).forEach((name, index) => define(name, "once", 1 << index));
for (const name of list(DROPPED)) define(name, "drop", 0);
for (const name of list(FORWARDING)) define(name, "forwarding", 0);
for (const name of list(ORDINARY)) define(name, "pass", 0);

function define(name: string, treatment: FieldTreatment, onceBit: number): void {
  table.set(name, { name, treatment, onceBit, isRead: READ.has(name) });
}

/**
 * Names a caller may not declare connection-specific: a field that a stage relied on would vanish before the upstream
 * saw it, or a guard would not see it at all (RFC 9110 section 7.6.1 forbids end-to-end fields there).
 */
export function isEssential(name: string): boolean {
  const known = table.get(name);
  return known !== undefined && known.treatment !== "drop";
}

/** Spellings learned from traffic. A flood of made-up names cannot grow it: a full table learns nothing more. */
const LEARNED_NAMES = 1_024;
const learned = new Map<string, FieldName>();
for (const entry of table.values()) {
  learned.set(entry.name, entry);
  learned.set(titleCase(entry.name), entry);
}

/** What is known of a field name in any case. */
export function fieldName(raw: string): FieldName {
  return learned.get(raw) ?? learn(raw);
}

function learn(raw: string): FieldName {
  const name = raw.toLowerCase();
  const entry = table.get(name) ?? {
    name,
    treatment: treatmentOfUnknown(name),
    onceBit: 0,
    isRead: false,
  };
  if (learned.size < LEARNED_NAMES && raw.length <= 64) learned.set(raw, entry);
  return entry;
}

function treatmentOfUnknown(name: string): FieldTreatment {
  if (!TOKEN.test(name)) return "refuse";
  if (!name.includes("_")) return name.startsWith("x-forwarded-") ? "forwarding" : "pass";
  // CGI and its heirs read X_Real_IP and X-Real-IP as one variable. What shadows a known name is an attack; the rest
  // is ambiguous at the upstream and of no use to it.
  const dashed = name.replaceAll("_", "-");
  return table.has(dashed) || dashed.startsWith("x-forwarded-") ? "refuse" : "drop";
}

function titleCase(name: string): string {
  return name.replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
}
