/**
 * The catalogue of every "no" this gateway can say: one row a code, with its status, its family and its public text.
 * A rejection is a value, not an exception; what a caller reads (`message`) and what an operator reads (`cause`) are
 * different fields and never mix.
 */

/** Error families a caller can switch on; the stable vocabulary of `error.code` in an answer. */
export type Family =
  | "VALIDATION_ERROR"
  | "AUTHENTICATION_FAILED"
  | "PERMISSION_DENIED"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "REQUEST_TIMEOUT"
  | "VERSION_REVOKED"
  | "PAYLOAD_TOO_LARGE"
  | "URI_TOO_LONG"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "MISDIRECTED_REQUEST"
  | "HEADERS_TOO_LARGE"
  | "UPGRADE_REQUIRED"
  | "RATE_LIMITED"
  | "CALLER_GONE"
  | "INTERNAL_ERROR"
  | "NOT_IMPLEMENTED"
  | "BAD_GATEWAY"
  | "SERVICE_UNAVAILABLE"
  | "GATEWAY_TIMEOUT";

const FAMILY_OF_STATUS = {
  400: "VALIDATION_ERROR",
  401: "AUTHENTICATION_FAILED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  408: "REQUEST_TIMEOUT",
  410: "VERSION_REVOKED",
  413: "PAYLOAD_TOO_LARGE",
  414: "URI_TOO_LONG",
  415: "UNSUPPORTED_MEDIA_TYPE",
  421: "MISDIRECTED_REQUEST",
  426: "UPGRADE_REQUIRED",
  429: "RATE_LIMITED",
  431: "HEADERS_TOO_LARGE",
  499: "CALLER_GONE",
  500: "INTERNAL_ERROR",
  501: "NOT_IMPLEMENTED",
  502: "BAD_GATEWAY",
  503: "SERVICE_UNAVAILABLE",
  504: "GATEWAY_TIMEOUT",
} as const satisfies Record<number, Family>;

export type RejectionStatus = keyof typeof FAMILY_OF_STATUS;

interface CatalogueRow {
  readonly status: RejectionStatus;
  readonly message: string;
  /** The reason shown to the caller where the real one would tell an attacker too much. */
  readonly shownAs?: string;
}

const define = <Code extends string>(
  rows: Record<Code, CatalogueRow>,
): Record<Code, CatalogueRow> => rows;

/** Every code, by the part of the gateway that says it. Tests assert that each has a test of its own. */
export const CATALOGUE = define({
  // listener: the bytes or the head cannot be trusted to mean one thing (RFC 9110, RFC 9112, RFC 3986)
  "listener.malformed_request": { status: 400, message: "The request is not well-formed HTTP." },
  "listener.invalid_url": {
    status: 400,
    message: "The request target is not a canonical URL path.",
  },
  "listener.invalid_host": {
    status: 400,
    message: "The Host header is missing, repeated or invalid.",
  },
  "listener.invalid_header": { status: 400, message: "A header field is not acceptable." },
  "listener.ambiguous_length": {
    status: 400,
    message: "The length of the request body is ambiguous.",
  },
  "listener.method_refused": { status: 405, message: "This method is not served here." },
  "listener.transfer_coding_refused": {
    status: 501,
    message: "This transfer coding is not supported.",
  },
  "listener.expectation_refused": { status: 400, message: "This expectation cannot be met." },
  "listener.upgrade_refused": { status: 400, message: "Protocol upgrades are not served here." },
  "listener.url_too_long": { status: 414, message: "The request target is too long." },
  "listener.headers_too_large": { status: 431, message: "The header section is too large." },
  "listener.request_timeout": { status: 408, message: "The request did not arrive in time." },
  "listener.overloaded": {
    status: 503,
    message: "The gateway has too many connections. Try again.",
  },
  "listener.body_incomplete": { status: 400, message: "The request body ended early." },
  "listener.caller_gone": { status: 499, message: "The caller closed the connection." },

  // router
  "router.not_found": { status: 404, message: "There is nothing at this path." },

  // kill-switch
  "kill-switch.version_revoked": { status: 410, message: "This model version has been revoked." },
  "kill-switch.killed": { status: 503, message: "This is out of service. Try again later." },
  "kill-switch.caller_killed": { status: 403, message: "This caller is shut out." },

  // headers
  "headers.https_required": { status: 403, message: "This gateway is reached over HTTPS only." },
  "headers.origin_refused": { status: 403, message: "This origin may not call this route." },
  "headers.preflight_refused": {
    status: 403,
    message: "This cross-origin request is not allowed.",
  },

  // sources
  "sources.address_denied": { status: 403, message: "This address may not call." },
  "sources.rate_exceeded": { status: 429, message: "Too many requests from this address." },
  "sources.blocked": {
    status: 429,
    message: "Too many requests from this address were refused. Try again later.",
  },
  "sources.too_many_failures": {
    status: 429,
    message: "Too many authentications from this address have failed. Try again later.",
  },
  // Said by the stage `extraction`; what it is that looks suspicious is the operator's to know.
  "sources.extraction_suspected": { status: 429, message: "Too many requests. Try again later." },

  // identity
  "identity.credentials_missing": { status: 401, message: "Authentication is required." },
  "identity.credentials_ambiguous": { status: 401, message: "Send exactly one credential." },
  "identity.token_malformed": { status: 401, message: "The access token is not acceptable." },
  "identity.token_invalid": { status: 401, message: "The access token is not acceptable." },
  "identity.token_expired": { status: 401, message: "The access token has expired." },
  "identity.token_not_yet_valid": { status: 401, message: "The access token is not valid yet." },
  "identity.issuer_unknown": {
    status: 401,
    message: "The issuer of the access token is not accepted here.",
  },
  "identity.audience_mismatch": {
    status: 401,
    message: "The access token is meant for another audience.",
  },
  "identity.key_invalid": { status: 401, message: "The API key is not acceptable." },
  "identity.key_malformed": {
    status: 401,
    message: "The API key is not acceptable.",
    shownAs: "identity.key_invalid",
  },
  "identity.key_unknown": {
    status: 401,
    message: "The API key is not acceptable.",
    shownAs: "identity.key_invalid",
  },
  "identity.key_revoked": {
    status: 401,
    message: "The API key is not acceptable.",
    shownAs: "identity.key_invalid",
  },
  "identity.key_expired": {
    status: 401,
    message: "The API key is not acceptable.",
    shownAs: "identity.key_invalid",
  },
  "identity.keys_unavailable": {
    status: 503,
    message: "Credentials cannot be checked at the moment. Try again.",
  },

  // authorization
  "authorization.no_identity": { status: 401, message: "Authentication is required." },
  "authorization.scope_missing": {
    status: 403,
    message: "The credential lacks a scope that this route requires.",
  },
  "authorization.no_grant": { status: 403, message: "No grant allows this caller to do this." },

  // limits
  "limits.bucket_empty": { status: 429, message: "Too many requests. Slow down." },
  "limits.quota_exhausted": { status: 429, message: "The quota for this period is used up." },
  "limits.window_full": { status: 429, message: "Too many requests. Slow down." },
  "limits.cost_exhausted": { status: 429, message: "The budget for this period is used up." },
  "limits.concurrency_exceeded": { status: 429, message: "Too many requests at the same time." },
  "limits.busy": { status: 503, message: "Too many requests at the same time. Try again." },
  "limits.store_unavailable": {
    status: 503,
    message: "Limits cannot be checked at the moment. Try again.",
  },

  // constitution: the signed pack, whose rules are the organisation's
  "constitution.denied": { status: 403, message: "Policy does not allow this request." },
  "constitution.default_deny": {
    status: 403,
    message: "Policy does not allow this request.",
    shownAs: "constitution.denied",
  },
  "constitution.rate_limited": { status: 429, message: "Too many requests." },
  "constitution.edge_diverged": {
    status: 403,
    message: "Policy does not allow this request.",
    shownAs: "constitution.denied",
  },
  "constitution.pack_expired": {
    status: 503,
    message: "The policy cannot be applied now. Try again later.",
  },

  // waf: what refused, and on what, is between the operator and the rules
  "waf.blocked": { status: 403, message: "This request is not allowed." },
  "waf.body_unreadable": { status: 400, message: "The request body cannot be read as its type." },
  "waf.body_too_large": { status: 413, message: "The request body is too large." },
  "waf.budget_exceeded": {
    status: 403,
    message: "This request is not allowed.",
    shownAs: "waf.blocked",
  },
  "waf.response_blocked": {
    status: 502,
    message: "The upstream gave an answer that may not be passed on.",
  },

  // contract
  "contract.method_not_allowed": {
    status: 405,
    message: "This method is not allowed on this route.",
  },
  "contract.content_type_refused": {
    status: 415,
    message: "This content type is not accepted on this route.",
  },
  "contract.content_encoding_refused": {
    status: 415,
    message: "Encoded request bodies are not accepted on this route.",
  },
  "contract.body_too_large": { status: 413, message: "The request body is too large." },
  "contract.body_missing": { status: 400, message: "This route needs a request body." },
  "contract.body_unexpected": { status: 400, message: "This route takes no request body." },
  "contract.json_malformed": { status: 400, message: "The body is not valid JSON." },
  "contract.json_too_deep": { status: 400, message: "The JSON body is nested too deeply." },
  "contract.json_too_many_members": {
    status: 400,
    message: "The JSON body has too many members or elements.",
  },
  "contract.json_value_too_long": {
    status: 400,
    message: "The JSON body has a text, key or number that is too long.",
  },
  "contract.json_duplicate_key": { status: 400, message: "The JSON body repeats a key." },
  "contract.json_forbidden_key": {
    status: 400,
    message: "The JSON body uses a key that is not allowed.",
  },
  "contract.json_invalid_utf8": { status: 400, message: "The body is not valid UTF-8." },
  "contract.parameter_invalid": {
    status: 400,
    message: "A path or query parameter is not acceptable.",
  },
  "contract.schema_violation": {
    status: 400,
    message: "The body does not match the schema of this route.",
  },
  "contract.response_too_large": {
    status: 502,
    message: "The upstream gave an answer that is too large.",
  },
  "contract.response_invalid": {
    status: 502,
    message: "The upstream gave an answer that breaks its contract.",
  },

  // masking
  "masking.response_unreadable": {
    status: 502,
    message: "The upstream gave an answer that cannot be masked.",
  },

  // upstream
  "upstream.unreachable": { status: 502, message: "The upstream cannot be reached." },
  "upstream.connection_lost": { status: 502, message: "The upstream closed the connection." },
  "upstream.invalid_response": { status: 502, message: "The upstream gave an invalid answer." },
  "upstream.connect_timeout": {
    status: 504,
    message: "The upstream did not accept the connection in time.",
  },
  "upstream.timeout": { status: 504, message: "The upstream did not answer in time." },
  "upstream.saturated": { status: 503, message: "The upstream is at its limit. Try again." },

  // ledger
  "ledger.unavailable": {
    status: 503,
    message: "Decisions cannot be recorded at the moment. Try again.",
  },

  // the gateway itself
  "gateway.invariant_broken": { status: 500, message: "The gateway failed to handle the request." },
});

export type RejectionCode = keyof typeof CATALOGUE;

/** One finding about the caller's input; `pointer` is an RFC 6901 JSON pointer, `parameter` a path or query name. */
export interface Violation {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly message: string;
}

export interface RejectionExtras {
  /** Private text for the operator's log; never sent. */
  readonly cause?: string;
  readonly violations?: readonly Violation[];
  /** Extra answer headers, such as `WWW-Authenticate` or `Allow`: flat name, value, name, value. */
  readonly headers?: readonly string[];
  /** Whole seconds for `Retry-After`; every 429 and 503 gets one (default 1). */
  readonly retryAfterSeconds?: number;
}

/** An expected "no": what is recorded (`code`, `cause`) and what is shown (`reason`, `message`, `violations`). */
export interface Rejection extends RejectionExtras {
  readonly code: RejectionCode;
  readonly status: RejectionStatus;
  readonly family: Family;
  readonly reason: string;
  readonly message: string;
}

/** The same rejection under another status, where whoever refuses may say which. */
export function withStatus(refusal: Rejection, status: RejectionStatus): Rejection {
  return { ...refusal, status, family: FAMILY_OF_STATUS[status] };
}

/** Makes the rejection for a catalogue code. */
export function rejection(code: RejectionCode, extras?: RejectionExtras): Rejection {
  const row = CATALOGUE[code];
  return {
    code,
    status: row.status,
    family: FAMILY_OF_STATUS[row.status],
    reason: row.shownAs ?? code,
    message: row.message,
    ...extras,
  };
}

/**
 * A dependency of a stage is down or gave nonsense (a key server, a store, a policy engine). Thrown; the runner catches
 * it once and obeys the stage's `whenBroken`. Anything else that is thrown is a bug: 500, never continue.
 */
export class Fault extends Error {
  readonly code: RejectionCode;
  readonly retryAfterSeconds: number;

  constructor(
    code: RejectionCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds ?? 1;
  }
}
