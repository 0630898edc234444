/**
 * What stages learn about a request. Each fact has exactly one writer: the stage whose name is its key. Later stages
 * read them; the recorder writes them down under the standards' names (`client_id`, `sub`, `tenant_id`).
 */

import type { Rejection } from "./rejection.ts";
import type { Route } from "./request-context.ts";

export type StageName =
  | "kill-switch"
  | "headers"
  | "sources"
  | "identity"
  | "authorization"
  | "limits"
  | "constitution"
  | "waf"
  | "contract"
  | "extraction"
  | "masking";

/** Who decided an outcome: a stage, or a part of the gateway outside the stages. */
export type Decider = StageName | "listener" | "router" | "upstream" | "ledger" | "gateway";

/** A caller that proved who it is. There is no empty principal: a route without identity says `anonymous`. */
export type Identity =
  | AuthenticatedIdentity
  | { readonly method: "anonymous"; readonly key: string };

export interface AuthenticatedIdentity {
  readonly method: "jwt" | "api_key" | "mtls";
  /**
   * The principal's stable key for limits and budgets, such as `jwt:bank:core-banking` or `key:<principal>`. Rotating a
   * credential keeps it.
   */
  readonly key: string;
  /** `client_id`, or the API key's owner. */
  readonly caller: string;
  /** `sub`. */
  readonly subject: string;
  readonly tenant: string | undefined;
  readonly issuer: string | undefined;
  /** `jti` or the API key's public id: names the credential in records without revealing it. */
  readonly credentialId: string | undefined;
  readonly scopes: ReadonlySet<string>;
  readonly permissions: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
  /** The limits tier named by the credential, if any. */
  readonly tier: string | undefined;
  readonly expiresAtMs: number | undefined;
  /** How the person proved who they are to the issuer (RFC 8176 `amr`), where the issuer's claims are mapped so. */
  readonly authMethod?: string | undefined;
  /** WebAuthn relying party, where mapped. */
  readonly rpId?: string | undefined;
  /** The credential comes from an issuer that is accepted for old clients only. */
  readonly isLegacy?: true;
}

/** Where the request came from. */
export interface Sourced {
  /** What let it in: `any`, `allow` or `unlimited`. */
  readonly list: string;
  /** Reputation lists that hold the address and let it call. */
  readonly marks?: readonly string[];
}

/** How much what a caller asks of a model looks like copying it. Numbers alone: nothing of what was asked. */
export interface Suspicion {
  /** From 0 to 1, over the window. */
  readonly score: number;
  /** Different inputs in the window, estimated. */
  readonly inputs: number;
  /** Share of an input's fields that changed from one to the next, on average. */
  readonly change: number;
  /** Inputs in the window that were steps along a line, by what they moved. */
  readonly steps: number;
}

/** Which grant allowed the call. */
export interface Authorized {
  readonly grant: string;
}

/** One limit's state after this request, for headers and records. */
export interface LimitState {
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  /** Seconds until the limit is whole again. */
  readonly resetSeconds: number;
  /** Such as `bucket` or `day`; undefined in what is read from a record, as is the unit. */
  readonly kind?: string | undefined;
  readonly unit?: "requests" | "cost" | undefined;
}

/** Units of work that a request was said, and then found, to cost. */
export interface CostSpent {
  /** Taken before the call: the worst case. */
  readonly reserved: number;
  /** What it came to; undefined until that is known, at the latest when the request has ended. */
  readonly settled: number | undefined;
}

export interface Limited {
  readonly states: readonly LimitState[];
  /** The refusal that was left to the constitution to decide on; nothing was spent then. */
  readonly refusal?: Rejection | undefined;
  /** The limit that refused, by itself, in shadow or left to the constitution. */
  readonly refusedBy?: LimitState | undefined;
  readonly tier?: string | undefined;
  /** Decided by this replica without the others: by its share, or by letting the request pass uncounted. */
  readonly degraded?: "share" | "allow" | undefined;
  /** Undefined where nothing counts cost, and where the request was refused. */
  readonly cost?: CostSpent | undefined;
}

/** Which signed pack decided, and through which of its parts. */
export interface Governed {
  readonly pack: PackName;
  /** The pack serves all, or it is a candidate that decides for a share of the requests. */
  readonly stage: "active" | "canary";
  readonly effect: "allow" | "deny";
  /** The output that fired, or `default_deny`. */
  readonly output: string;
  readonly reason: string;
  /** The wire, or the bit where a bit is the trigger, that decided. */
  readonly wire: string | undefined;
  /** The first bit that kept that wire from being true. */
  readonly bitFailed: string | undefined;
  /** What that bit was. */
  readonly bitValue: "false" | "undefined" | undefined;
  /** From the output down to the bit that decided. */
  readonly chain: readonly string[];
  /** Seconds that the evaluation took. */
  readonly evaluationSeconds: number;
  /** Whether break-glass was on. */
  readonly isPanic: boolean;
  /** What the candidate in shadow said. */
  readonly shadow?: {
    readonly pack: PackName;
    readonly output: string;
    readonly effect: "allow" | "deny";
  };
  /** What an edge in front had decided, where that was another thing. */
  readonly edge?: { readonly decision: string; readonly pack: string };
  /** Fields that the pack saw and that stand nowhere else in the record; never the raw path. */
  readonly seen: Readonly<Record<string, boolean | number | string | readonly string[]>>;
}

export interface PackName {
  readonly id: string;
  readonly version: string;
  /** BLAKE3-256 of the rules' exact bytes, hexadecimal. */
  readonly blake3: string;
}

/** What the firewall's rules found. Answers are judged after requests: it is whole only when the request has ended. */
export interface Inspected {
  readonly mode: "enforce" | "detect";
  /** How much of the request was looked at: not its body where that is streamed, nothing outside of the sample. */
  readonly request: "whole" | "head" | "nothing";
  /** How much of the answer was looked at. */
  readonly answer: "whole" | "head" | "nothing";
  /** Rules that matched and say so, in their order; bounded. */
  readonly matched: readonly InspectedRule[];
  /** Points in all that are not 0, by the name of their sum, such as `inbound_anomaly_score_pl1`. */
  readonly scores: Readonly<Record<string, number>>;
  /** What refused the message, or in `detect` would have. */
  readonly refusedBy: { readonly rule: number; readonly status: number } | undefined;
  /** Over its budget of CPU time, and let pass with the rest unread. */
  readonly isOverBudget: boolean;
  /** CPU time of the rules. */
  readonly micros: number;
}

/** A rule that matched. It holds no part of what it matched on. */
export interface InspectedRule {
  readonly id: number;
  readonly phase: number;
  /** As it stands in the rule: macros are not filled in, since they hold parts of values. */
  readonly message: string;
  /** 0 emergency to 7 debug, as in syslog. */
  readonly severity: number | undefined;
  /** Points it added, by the name of their sum. */
  readonly scores: Readonly<Record<string, number>>;
  /** Where it matched; bounded. */
  readonly fields: readonly InspectedField[];
}

export interface InspectedField {
  /** Collection and name, such as `ARGS:json.items.0.sku`; what could be a text of the caller's is `?`. */
  readonly name: string;
  /** Bytes of the body; -1 outside of it. */
  readonly start: number;
  readonly end: number;
}

/** Version policy: what the route's model version is at this moment. */
export interface VersionStanding {
  readonly status: "active" | "deprecated";
  /** Another version that serves in the place of this one, which is shut. All else is decided as was asked. */
  readonly routedTo?: RoutedTo | undefined;
}

/** Where a request of a version that is shut goes instead. */
export interface RoutedTo {
  readonly version: string;
  readonly route: Route;
  /** Path and query on that route, canonical. */
  readonly target: string;
}

/** The parsed request body, once the contract has accepted it. */
export interface Contracted {
  readonly json: unknown;
}

export interface Facts {
  "kill-switch"?: VersionStanding;
  headers?: { readonly origin: string };
  sources?: Sourced;
  identity?: Identity;
  authorization?: Authorized;
  limits?: Limited;
  constitution?: Governed;
  waf?: Inspected;
  contract?: Contracted;
  extraction?: Suspicion;
  masking?: never;
}
