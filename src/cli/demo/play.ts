/** The demo's play, as data: what is asked of the gateway and what it must answer. Each row is one sentence of its job. */

const CHURN_V1 = "/churn/v1/predict";
export const CHURN_V2 = "/churn/v2/predict";
/** The body limit of the churn routes in the demo's configuration; the play sends a body that is larger. */
export const BODY_LIMIT_BYTES = 16 * 1024;
/** The tight tier: this many at once, then one in a long while. The play sends two more than that. */
export const TIGHT_BURST = 3;

/** The tokens of the play, by what is special about them. */
export type TokenName =
  | "core-banking"
  | "reporting"
  | "batch-scoring"
  | "without-scope"
  | "expired"
  | "wrong-issuer"
  | "wrong-audience"
  | "wrong-tenant";

/** The bodies of the play: the customer as it is, as tensors, or spoilt in one way. */
export type BodyName =
  | "customer"
  | "malformed"
  | "attack"
  | "unknown-input"
  | "too-large"
  | "tensors"
  | "none";

export interface PlayRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly token?: TokenName;
  readonly body: BodyName;
  readonly contentType?: string;
  /** Sent this many times, one after the other; the last answer counts. */
  readonly times?: number;
}

export interface Expected {
  readonly status: number;
  /** Who decided: a stage of the gateway, or `upstream` when the model answered. */
  readonly stage: string;
  /** `ok`, or the stable code of the refusal. */
  readonly code: string;
  /** Answer headers that must be there. */
  readonly headers?: readonly string[];
}

export interface PlayRow {
  readonly title: string;
  readonly request: PlayRequest;
  readonly expected: Expected;
}

const OK: Expected = { status: 200, stage: "upstream", code: "ok" };

/** A prediction by core-banking, which may have it, but for what the row says. */
const predict = (changes: Partial<PlayRequest> = {}): PlayRequest => ({
  method: "POST",
  path: CHURN_V2,
  token: "core-banking",
  body: "customer",
  ...changes,
});

/** By core-banking but without any token. */
const { token: _token, ...ANONYMOUS } = predict();

const refused = (status: number, code: string, headers?: readonly string[]): Expected => ({
  status,
  stage: code.slice(0, code.indexOf(".")),
  code,
  ...(headers && { headers }),
});

export const PLAY: readonly PlayRow[] = [
  { title: "a prediction from churn v2", request: predict(), expected: OK },
  {
    title: "the same from v1, which is ageing",
    request: predict({ path: CHURN_V1, token: "reporting" }),
    expected: { ...OK, headers: ["deprecation", "sunset", "link"] },
  },
  {
    title: "over the Open Inference Protocol",
    request: predict({ path: "/v2/models/churn/versions/v2/infer", body: "tensors" }),
    expected: OK,
  },
  {
    title: "no token",
    request: ANONYMOUS,
    expected: refused(401, "identity.credentials_missing", ["www-authenticate"]),
  },
  {
    title: "an expired token",
    request: predict({ token: "expired" }),
    expected: refused(401, "identity.token_expired", ["www-authenticate"]),
  },
  {
    title: "a token from another issuer",
    request: predict({ token: "wrong-issuer" }),
    expected: refused(401, "identity.issuer_unknown", ["www-authenticate"]),
  },
  {
    title: "a token for another audience",
    request: predict({ token: "wrong-audience" }),
    expected: refused(401, "identity.audience_mismatch", ["www-authenticate"]),
  },
  {
    title: "a version without a grant",
    request: predict({ path: CHURN_V1 }),
    expected: refused(403, "authorization.no_grant"),
  },
  {
    title: "another tenant's token",
    request: predict({ token: "wrong-tenant" }),
    expected: refused(403, "authorization.no_grant"),
  },
  {
    title: "a token without the scope",
    request: predict({ token: "without-scope" }),
    expected: refused(403, "authorization.scope_missing"),
  },
  {
    title: "a path that is not served",
    request: predict({ path: "/admin/keys" }),
    expected: refused(404, "router.not_found"),
  },
  {
    title: "GET instead of POST",
    request: predict({ method: "GET", body: "none" }),
    expected: refused(405, "contract.method_not_allowed", ["allow"]),
  },
  {
    title: "text/plain",
    request: predict({ contentType: "text/plain" }),
    expected: refused(415, "contract.content_type_refused"),
  },
  {
    title: `a body over ${BODY_LIMIT_BYTES / 1024} KiB`,
    request: predict({ body: "too-large" }),
    expected: refused(413, "contract.body_too_large"),
  },
  {
    title: "malformed JSON",
    request: predict({ body: "malformed" }),
    expected: refused(400, "waf.body_unreadable"),
  },
  {
    title: "SQL injection in a field",
    request: predict({ body: "attack" }),
    expected: refused(403, "waf.blocked"),
  },
  {
    title: "an input the schema does not know",
    request: predict({ body: "unknown-input" }),
    expected: refused(400, "contract.schema_violation"),
  },
  {
    title: `a burst of ${TIGHT_BURST + 2} where ${TIGHT_BURST} are allowed`,
    request: predict({ token: "batch-scoring", times: TIGHT_BURST + 2 }),
    expected: refused(429, "limits.bucket_empty", ["retry-after"]),
  },
  {
    title: "a version that was revoked",
    request: predict({ path: "/churn/v0/predict" }),
    expected: refused(410, "kill-switch.version_revoked"),
  },
  {
    title: "an upstream that is too slow",
    request: predict({ path: "/slow/v1/predict" }),
    expected: refused(504, "upstream.timeout"),
  },
  {
    title: "an upstream that is dead",
    request: predict({ path: "/dead/v1/predict" }),
    expected: refused(502, "upstream.unreachable"),
  },
];
