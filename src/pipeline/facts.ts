/**
 * What stages learn about a request. Each fact has exactly one writer: the stage whose name is its key. Later stages
 * read them; the recorder writes them down under the standards' names (`client_id`, `sub`, `tenant_id`).
 */

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
}

export interface Limited {
  readonly states: readonly LimitState[];
}

/** Version policy: what the route's model version is at this moment. */
export interface VersionStanding {
  readonly status: "active" | "deprecated";
}

/** The parsed request body, once the contract has accepted it. */
export interface Contracted {
  readonly json: unknown;
}

export interface Facts {
  "kill-switch"?: VersionStanding;
  headers?: { readonly origin: string };
  sources?: { readonly list: string };
  identity?: Identity;
  authorization?: Authorized;
  limits?: Limited;
  constitution?: never;
  waf?: never;
  contract?: Contracted;
  masking?: never;
}
