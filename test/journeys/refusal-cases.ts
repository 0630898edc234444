/** Every way to be refused that a caller can bring about with one well-framed request: what is asked, and what is said. */
import type { Family, RejectionCode } from "../../src/pipeline/rejection.ts";
import type { CallRequest, Transport } from "../support/calling.ts";
import type { TestGateway } from "../support/gateway.ts";
import {
  ALLOWED_ORIGIN,
  AWAY_ISSUER,
  BUSY_ADDRESS,
  DENIED_ADDRESS,
} from "./refusal-configuration.ts";
import { SHUT_CALLER } from "./kill-switched.ts";

/** API keys in every state that refuses. */
export interface RefusedKeys {
  readonly malformed: string;
  readonly unknown: string;
  readonly revoked: string;
  readonly expired: string;
  readonly misplaced: string;
}

export interface Given {
  readonly gateway: TestGateway;
  readonly keys: RefusedKeys;
}

export interface RefusalCase {
  readonly name: string;
  readonly status: number;
  readonly family: Family;
  /** What is recorded. */
  readonly code: RejectionCode;
  /** What is shown, where it is not the code. */
  readonly reason?: string;
  /** Who says it, where it is not the code's first part. */
  readonly stage?: string;
  readonly ask: (given: Given) => CallRequest;
  /** A call that comes before; `during` is still running when the refused one is made. */
  readonly before?: (given: Given) => CallRequest;
  readonly during?: (given: Given) => CallRequest;
  /** Requests that the upstream sees of the refused call itself. Default none. */
  readonly forwarded?: number;
  /** Answer headers that must be there. */
  readonly headers?: Readonly<Record<string, RegExp>>;
  readonly hasViolations?: boolean;
  /** Nothing of the head was read, so that its `Accept` is not known either. */
  readonly isHeadUnread?: boolean;
  /** Default all three. */
  readonly transports?: readonly Transport[];
}

const PREDICT = "/churn/v2/predict";
const GOOD_BODY = '{"tenure":12}';
const BEARER = { "www-authenticate": /^Bearer realm="portcullis"/ };
const HTTP1: readonly Transport[] = ["http/1.1", "https/1.1"];
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

type Minted = Parameters<TestGateway["mintToken"]>;

/** A good prediction but for its token. */
const withToken =
  (...minted: Minted | (() => Minted)[]) =>
  ({ gateway }: Given): CallRequest => {
    const [claims, options] = typeof minted[0] === "function" ? minted[0]() : (minted as Minted);
    const authorization = `Bearer ${gateway.mintToken(claims, options)}`;
    return {
      path: PREDICT,
      headers: { authorization, "content-type": "application/json" },
      body: GOOD_BODY,
    };
  };

/** An allowed call, changed. */
const allowedTo =
  (path: string, change: Partial<CallRequest> = {}) =>
  ({ gateway }: Given): CallRequest => ({
    path,
    body: GOOD_BODY,
    ...change,
    headers: { ...gateway.allowed(), ...change.headers },
  });

const withKey =
  (which: keyof RefusedKeys) =>
  ({ keys }: Given): CallRequest => ({
    path: PREDICT,
    headers: { "x-api-key": keys[which], "content-type": "application/json" },
    body: GOOD_BODY,
  });

const anonymous = (change: Partial<CallRequest> = {}): CallRequest => ({
  path: PREDICT,
  headers: { "content-type": "application/json" },
  body: GOOD_BODY,
  ...change,
});

const LISTENER: readonly RefusalCase[] = [
  ...[
    ["an encoded dot segment", "/churn/%2e%2e/admin"],
    ["an encoded slash", "/churn%2Fv2/predict"],
    ["an encoded NUL", "/churn/v2/predict%00"],
    ["a double encoding", "/churn/v2/%252e%252e/admin"],
    ["an overlong encoding", "/churn/%c0%ae%c0%ae/admin"],
    ["a backslash", "/churn\\v2/predict"],
    ["invalid UTF-8", "/churn/%ff/predict"],
    ["a fragment", "/churn/v2/predict#x"],
    ["an empty segment", "//churn/v2/predict"],
  ].map(([what, path]): RefusalCase => ({
    name: `${what} in the path`,
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.invalid_url",
    ask: allowedTo(path as string),
  })),
  {
    name: "an absolute-form target",
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.invalid_url",
    ask: allowedTo(`http://gateway.example${PREDICT}`),
    transports: HTTP1,
  },
  {
    name: "a host with a user in it",
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.invalid_host",
    ask: allowedTo(PREDICT, { headers: { host: "user@gateway.example" } }),
    transports: HTTP1,
  },
  {
    name: "a name with an underscore that shadows a trusted header",
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.invalid_header",
    ask: allowedTo(PREDICT, { headers: { X_Forwarded_For: "10.0.0.1" } }),
  },
  {
    name: "a repeated header that may stand once",
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.invalid_header",
    ask: allowedTo(PREDICT, { headers: { "x-api-key": ["a", "b"] } }),
  },
  {
    name: "Connection naming an end-to-end header",
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.invalid_header",
    ask: allowedTo(PREDICT, { headers: { connection: "close, authorization" } }),
    transports: HTTP1,
  },
  {
    name: "TRACE",
    status: 405,
    family: "METHOD_NOT_ALLOWED",
    code: "listener.method_refused",
    ask: () => ({ method: "TRACE", path: PREDICT }),
    headers: { allow: /POST/ },
  },
  {
    name: "an upgrade",
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.upgrade_refused",
    ask: allowedTo(PREDICT, {
      method: "GET",
      headers: { upgrade: "websocket", connection: "upgrade" },
    }),
    transports: HTTP1,
  },
  {
    name: "an unknown expectation",
    status: 400,
    family: "VALIDATION_ERROR",
    code: "listener.expectation_refused",
    ask: allowedTo(PREDICT, { headers: { expect: "a-miracle" } }),
    transports: HTTP1,
  },
  {
    name: "a target that is too long",
    status: 414,
    family: "URI_TOO_LONG",
    code: "listener.url_too_long",
    ask: allowedTo(`${PREDICT}?q=${"x".repeat(1_100)}`),
  },
  {
    name: "too many headers",
    status: 431,
    family: "HEADERS_TOO_LARGE",
    code: "listener.headers_too_large",
    isHeadUnread: true,
    ask: allowedTo(PREDICT, {
      headers: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`x-h${i}`, "1"])),
    }),
  },
];

const BEFORE_IDENTITY: readonly RefusalCase[] = [
  {
    name: "a path that is nowhere",
    status: 404,
    family: "NOT_FOUND",
    code: "router.not_found",
    ask: allowedTo("/nowhere"),
  },
  {
    name: "a path in another case",
    status: 404,
    family: "NOT_FOUND",
    code: "router.not_found",
    ask: allowedTo("/Churn/v2/predict"),
  },
  {
    name: "an operator's path on a callers' listener",
    status: 404,
    family: "NOT_FOUND",
    code: "router.not_found",
    ask: () => ({ method: "GET", path: "/metrics" }),
  },
  {
    name: "a revoked version",
    status: 410,
    family: "VERSION_REVOKED",
    code: "kill-switch.version_revoked",
    ask: allowedTo("/churn/v0/predict"),
    headers: { link: /<\/churn\/v2\/predict>; rel="successor-version"/ },
  },
  {
    name: "a route that is shut",
    status: 503,
    family: "SERVICE_UNAVAILABLE",
    code: "kill-switch.killed",
    ask: allowedTo("/shut"),
    headers: { "retry-after": /^60$/ },
  },
  {
    name: "a caller who is shut out",
    status: 403,
    family: "PERMISSION_DENIED",
    code: "kill-switch.caller_killed",
    ask: withToken({ client_id: SHUT_CALLER }),
  },
  {
    name: "a page of an origin that is not allowed",
    status: 403,
    family: "PERMISSION_DENIED",
    code: "headers.origin_refused",
    ask: allowedTo(PREDICT, { headers: { origin: "https://evil.test.example" } }),
  },
  {
    name: "a preflight of an origin that is not allowed",
    status: 403,
    family: "PERMISSION_DENIED",
    code: "headers.preflight_refused",
    ask: () => ({
      method: "OPTIONS",
      path: PREDICT,
      headers: { origin: "https://evil.test.example", "access-control-request-method": "POST" },
    }),
  },
  {
    name: "a preflight for a method that is not allowed",
    status: 403,
    family: "PERMISSION_DENIED",
    code: "headers.preflight_refused",
    ask: () => ({
      method: "OPTIONS",
      path: PREDICT,
      headers: { origin: ALLOWED_ORIGIN, "access-control-request-method": "DELETE" },
    }),
  },
  {
    name: "a denied address",
    status: 403,
    family: "PERMISSION_DENIED",
    code: "sources.address_denied",
    ask: allowedTo(PREDICT, { headers: { "x-forwarded-for": DENIED_ADDRESS } }),
  },
  {
    name: "an address that calls too often",
    status: 429,
    family: "RATE_LIMITED",
    code: "sources.rate_exceeded",
    before: allowedTo(PREDICT, { headers: { "x-forwarded-for": BUSY_ADDRESS } }),
    ask: allowedTo(PREDICT, { headers: { "x-forwarded-for": BUSY_ADDRESS } }),
  },
];

const unauthenticated = (
  name: string,
  code: RejectionCode,
  ask: RefusalCase["ask"],
  more: Partial<RefusalCase> = {},
): RefusalCase => ({
  name,
  status: 401,
  family: "AUTHENTICATION_FAILED",
  code,
  ask,
  headers: BEARER,
  ...more,
});

const key = (name: string, which: keyof RefusedKeys, code: RejectionCode): RefusalCase =>
  unauthenticated(name, code, withKey(which), {
    reason: "identity.key_invalid",
    headers: { "www-authenticate": /^ApiKey realm="portcullis"$/ },
  });

const IDENTITY: readonly RefusalCase[] = [
  unauthenticated("no credential", "identity.credentials_missing", () => anonymous()),
  unauthenticated("a scheme that is not accepted", "identity.credentials_missing", () =>
    anonymous({ headers: { authorization: "Basic YTpi", "content-type": "application/json" } }),
  ),
  unauthenticated("a token and a key", "identity.credentials_ambiguous", (given) => {
    const { headers } = withKey("unknown")(given);
    return allowedTo(PREDICT, { headers: { "x-api-key": headers?.["x-api-key"] as string } })(
      given,
    );
  }),
  unauthenticated(
    "a token in the query",
    "identity.credentials_ambiguous",
    allowedTo(`${PREDICT}?access_token=abc`),
  ),
  unauthenticated("text that is no token", "identity.token_malformed", () =>
    anonymous({ headers: { authorization: "Bearer abc", "content-type": "application/json" } }),
  ),
  unauthenticated(
    "a forged signature",
    "identity.token_invalid",
    withToken({}, { isForged: true }),
  ),
  unauthenticated(
    "an ID token",
    "identity.token_invalid",
    withToken({}, { header: { typ: "JWT" } }),
  ),
  unauthenticated(
    "an expired token",
    "identity.token_expired",
    withToken(() => [{ iat: nowSeconds() - 600, exp: nowSeconds() - 300 }]),
  ),
  unauthenticated(
    "a token of the future",
    "identity.token_not_yet_valid",
    withToken(() => [{ nbf: nowSeconds() + 120 }]),
  ),
  unauthenticated(
    "a wrong issuer",
    "identity.issuer_unknown",
    withToken({ iss: "https://idp.test.example/" }),
  ),
  unauthenticated("a wrong audience", "identity.audience_mismatch", withToken({ aud: "billing" })),
  key("text that is no key", "malformed", "identity.key_malformed"),
  key("a key nobody made", "unknown", "identity.key_unknown"),
  key("a revoked key", "revoked", "identity.key_revoked"),
  key("an expired key", "expired", "identity.key_expired"),
  key("a key from the wrong network", "misplaced", "identity.key_invalid"),
  {
    name: "keys that cannot be had",
    status: 503,
    family: "SERVICE_UNAVAILABLE",
    code: "identity.keys_unavailable",
    ask: withToken({ iss: AWAY_ISSUER }),
  },
];

const forbidden = (
  name: string,
  ask: RefusalCase["ask"],
  code: RejectionCode = "authorization.no_grant",
): RefusalCase => ({
  name,
  status: 403,
  family: "PERMISSION_DENIED",
  code,
  ask,
});

const AUTHORIZATION: readonly RefusalCase[] = [
  forbidden("a caller without a grant", withToken({ client_id: "stranger" })),
  forbidden("a wrong tenant", withToken({ tenant_id: "wholesale" })),
  {
    ...forbidden(
      "a token without the grant's scope",
      withToken({ scope: "predict:fraud" }),
      "authorization.scope_missing",
    ),
    headers: { "www-authenticate": /error="insufficient_scope"/ },
  },
  {
    ...forbidden(
      "a route that asks for one more scope",
      allowedTo("/scoped"),
      "authorization.scope_missing",
    ),
    headers: { "www-authenticate": /insufficient_scope/ },
  },
  unauthenticated(
    "nobody knows who it is, because identity only shadows",
    "authorization.no_identity",
    () => anonymous({ path: "/guess" }),
    { headers: { "www-authenticate": /^Bearer/ } },
  ),
];

const LIMITS: readonly RefusalCase[] = (
  [
    ["an empty bucket", "limits.bucket_empty", "/tight"],
    ["a used-up quota", "limits.quota_exhausted", "/quota"],
    ["a full window", "limits.window_full", "/windowed"],
    ["a spent budget", "limits.cost_exhausted", "/dear"],
  ] as const
).map(([name, code, path]) => ({
  name,
  status: 429,
  family: "RATE_LIMITED" as const,
  code,
  before: allowedTo(path),
  ask: allowedTo(path),
}));

const CONCURRENCY: readonly RefusalCase[] = [
  {
    name: "too many at the same time",
    status: 429,
    family: "RATE_LIMITED",
    code: "limits.concurrency_exceeded",
    during: allowedTo("/busy"),
    ask: allowedTo("/busy"),
  },
  {
    name: "too many at the same time, on a route that says so with 503",
    status: 503,
    family: "SERVICE_UNAVAILABLE",
    code: "limits.busy",
    during: allowedTo("/crowded"),
    ask: allowedTo("/crowded"),
  },
  {
    name: "an upstream at its limit",
    status: 503,
    family: "SERVICE_UNAVAILABLE",
    code: "upstream.saturated",
    during: allowedTo("/narrow"),
    ask: allowedTo("/narrow"),
  },
];

const invalid = (
  name: string,
  code: RejectionCode,
  ask: RefusalCase["ask"],
  more: Partial<RefusalCase> = {},
): RefusalCase => ({ name, status: 400, family: "VALIDATION_ERROR", code, ask, ...more });

/** JSON that no reader should be given; the answer points at the flaw. */
const flawed = (name: string, code: RejectionCode, body: string | Buffer): RefusalCase =>
  invalid(name, code, allowedTo("/open", { body }), { hasViolations: true });

const unsupported = (name: string, code: RejectionCode, ask: RefusalCase["ask"]): RefusalCase => ({
  name,
  status: 415,
  family: "UNSUPPORTED_MEDIA_TYPE",
  code,
  ask,
});

const tooLarge = (name: string, ask: RefusalCase["ask"]): RefusalCase => ({
  name,
  status: 413,
  family: "PAYLOAD_TOO_LARGE",
  code: "contract.body_too_large",
  ask,
});

const CONTRACT: readonly RefusalCase[] = [
  {
    name: "GET where only POST is allowed",
    status: 405,
    family: "METHOD_NOT_ALLOWED",
    code: "contract.method_not_allowed",
    ask: ({ gateway }) => ({
      method: "GET",
      path: PREDICT,
      headers: { authorization: `Bearer ${gateway.mintToken()}` },
    }),
    headers: { allow: /^POST$/ },
  },
  unsupported(
    "text/plain",
    "contract.content_type_refused",
    allowedTo(PREDICT, { headers: { "content-type": "text/plain" } }),
  ),
  unsupported(
    "a compressed body",
    "contract.content_encoding_refused",
    allowedTo(PREDICT, { headers: { "content-encoding": "gzip" } }),
  ),
  tooLarge(
    "a body that says it is too large",
    allowedTo(PREDICT, { body: `{"tenure":${" ".repeat(1_024)}1}` }),
  ),
  {
    ...tooLarge(
      "a body that turns out too large",
      allowedTo(PREDICT, {
        headers: { "transfer-encoding": "chunked" },
        body: `{"tenure":${" ".repeat(1_024)}1}`,
      }),
    ),
    transports: HTTP1,
  },
  invalid(
    "no body where a schema wants one",
    "contract.body_missing",
    allowedTo(PREDICT, { body: "" }),
  ),
  invalid("a body where none belongs", "contract.body_unexpected", allowedTo("/bodiless")),
  flawed("malformed JSON", "contract.json_malformed", '{"a":1,}'),
  flawed("data behind the JSON", "contract.json_malformed", "{} {}"),
  flawed("JSON that is nested too deeply", "contract.json_too_deep", "[[[[[1]]]]]"),
  flawed(
    "JSON with too many elements",
    "contract.json_too_many_members",
    `[${Array.from({ length: 30 }, () => 1).join()}]`,
  ),
  flawed("a text that is too long", "contract.json_value_too_long", `["${"x".repeat(100)}"]`),
  flawed("a repeated key", "contract.json_duplicate_key", '{"a":1,"\\u0061":2}'),
  flawed("__proto__", "contract.json_forbidden_key", '{"__proto__":{}}'),
  flawed(
    "a body that is not UTF-8",
    "contract.json_invalid_utf8",
    Buffer.from([0x22, 0xc0, 0xaf, 0x22]),
  ),
  invalid(
    "a body that breaks its schema",
    "contract.schema_violation",
    allowedTo(PREDICT, { body: '{"tenure":-1}' }),
    {
      hasViolations: true,
    },
  ),
  ...["/items/7?page=x", "/items/7?page=1&page=2", "/items/7?other=1"].map((path) =>
    invalid(
      `the query of ${path}`,
      "contract.parameter_invalid",
      ({ gateway }) => ({
        method: "GET",
        path,
        headers: { authorization: `Bearer ${gateway.mintToken()}` },
      }),
      { hasViolations: true },
    ),
  ),
];

const badGateway = (
  name: string,
  code: RejectionCode,
  path: string,
  forwarded = 1,
): RefusalCase => ({
  name,
  status: 502,
  family: "BAD_GATEWAY",
  code,
  ask: allowedTo(path),
  forwarded,
});

const late = (name: string, code: RejectionCode, path: string, forwarded: number): RefusalCase => ({
  name,
  status: 504,
  family: "GATEWAY_TIMEOUT",
  code,
  ask: allowedTo(path),
  forwarded,
});

const UPSTREAM: readonly RefusalCase[] = [
  badGateway("an answer that breaks its contract", "contract.response_invalid", "/answers/invalid"),
  badGateway("an answer that is too large", "contract.response_too_large", "/answers/large"),
  badGateway("an answer that cannot be masked", "masking.response_unreadable", "/answers/masked"),
  badGateway("an upstream that hangs up", "upstream.connection_lost", "/answers/lost"),
  badGateway("an upstream that talks nonsense", "upstream.invalid_response", "/answers/garbage"),
  badGateway("a dead upstream", "upstream.unreachable", "/dead", 0),
  late("an upstream that takes too long", "upstream.timeout", "/answers/late", 1),
  late("an upstream that never finishes its handshake", "upstream.connect_timeout", "/silent", 0),
];

/** By who says it, in the order of the pipeline. */
export const REFUSALS: readonly RefusalCase[] = [
  ...LISTENER,
  ...BEFORE_IDENTITY,
  ...IDENTITY,
  ...AUTHORIZATION,
  ...LIMITS,
  ...CONCURRENCY,
  ...CONTRACT,
  ...UPSTREAM,
];
