/**
 * Requests for stage tests, built by hand: every field has a plain default and any can be named. Facts and body stay
 * writable here, so that a test can play the runner; product code sees them read-only.
 */
import type { AuthenticatedIdentity, Facts, Identity } from "../../src/pipeline/facts.ts";
import type {
  CallerRequest,
  Peer,
  RequestContext,
  RequestHeaders,
  Route,
  TraceContext,
} from "../../src/pipeline/request-context.ts";
import type { Clock } from "../../src/pipeline/stage.ts";

/** 2026-11-22T12:00:00Z, a Sunday at noon: the moment at which frozen clocks start. */
export const NOON_MS: number = Date.UTC(2026, 10, 22, 12);

/** A clock that moves only when told to. Both faces move together; `jump` moves the wall clock alone. */
export class FrozenClock implements Clock {
  #wallMs: number;
  #monotonicMs = 1_000;

  constructor(nowMs: number = NOON_MS) {
    this.#wallMs = nowMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  advance(byMs: number): void {
    this.#wallMs += byMs;
    this.#monotonicMs += byMs;
  }

  /** What an operator or NTP does to the wall clock. */
  jump(byMs: number): void {
    this.#wallMs += byMs;
  }
}

type HeadersInput = Readonly<Record<string, string | readonly string[]>>;

/** Header fields by name; a list repeats the field. */
function headersOf(input: HeadersInput = {}): RequestHeaders {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(input))
    for (const one of typeof value === "string" ? [value] : value)
      fields.push(name.toLowerCase(), one);
  return {
    fields,
    get(name) {
      const values = fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === name);
      return values.length > 0 ? values.join(", ") : undefined;
    },
  };
}

export const TEST_TRACE: TraceContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  isSampled: true,
};

export function peerOf(changes: Partial<Peer> = {}): Peer {
  return { address: "192.0.2.10", port: 50_000, ...changes };
}

/** A route with a model behind it: `churn` `v2`, POST, 64 KiB. */
export function routeOf(changes: Partial<Route> = {}): Route {
  return {
    id: "churn.v2.predict",
    template: "/churn/v2/predict",
    methods: ["POST"],
    model: "churn",
    version: "v2",
    upstream: "churn-v2",
    bodyLimitBytes: 65_536,
    bodyMode: "buffer",
    ...changes,
  };
}

/** The pseudo-route of paths that match nothing. */
export function unmatchedRouteOf(): Route {
  return routeOf({
    id: "unmatched",
    template: "",
    methods: [],
    model: undefined,
    version: undefined,
    upstream: undefined,
  });
}

export interface IdentityInput extends Partial<
  Omit<AuthenticatedIdentity, "scopes" | "permissions" | "groups" | "roles">
> {
  readonly scopes?: Iterable<string>;
  readonly permissions?: Iterable<string>;
  readonly groups?: Iterable<string>;
  readonly roles?: Iterable<string>;
}

/** A caller with a token: `core-banking` of tenant `retail`, with no scope unless named. */
export function identityOf(input: IdentityInput = {}): AuthenticatedIdentity {
  const caller = input.caller ?? "core-banking";
  return {
    method: "jwt",
    key: `jwt:bank:${caller}`,
    caller,
    subject: caller,
    tenant: "retail",
    issuer: "https://idp.example.bank",
    credentialId: "token-1",
    tier: undefined,
    expiresAtMs: undefined,
    ...input,
    scopes: new Set(input.scopes),
    permissions: new Set(input.permissions),
    groups: new Set(input.groups),
    roles: new Set(input.roles),
  };
}

export const ANONYMOUS: Identity = { method: "anonymous", key: "anonymous:192.0.2.10" };

export interface RequestInput extends Partial<Omit<CallerRequest, "headers" | "url">> {
  /** Canonical path; default the route's template. */
  readonly path?: string;
  /** Without the question mark. */
  readonly query?: string;
  readonly headers?: HeadersInput;
}

function requestOf(input: RequestInput = {}): CallerRequest {
  const { path = "/churn/v2/predict", query = "", headers, ...rest } = input;
  return {
    requestId: "req-1",
    correlationId: "corr-1",
    trace: TEST_TRACE,
    receivedAtMs: NOON_MS,
    startedAtMs: 1_000,
    listener: "public",
    httpVersion: "1.1",
    peer: rest.peer ?? peerOf(),
    callerAddress: "192.0.2.10",
    isSecure: true,
    method: "POST",
    authority: "gateway.example",
    contentLength: 0,
    ...rest,
    url: { path, query, target: query === "" ? path : `${path}?${query}` },
    headers: headersOf(headers),
  };
}

export interface ContextInput extends RequestInput {
  readonly route?: Partial<Route>;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** Short for `facts: { identity }`. */
  readonly identity?: Identity;
  readonly facts?: Facts;
}

/** A context whose facts and body a test may write, as the runner does. */
export interface TestContext extends RequestContext {
  body: Buffer;
  readonly facts: Facts;
}

/** The context of one request: `contextOf({ method: "GET", headers: { origin: "https://a.example" } })`. */
export function contextOf(input: ContextInput = {}): TestContext {
  const { route: routeChanges, params = {}, body = "", identity, facts, ...rest } = input;
  const route = routeOf(routeChanges);
  const bytes = Buffer.from(body);
  const request = requestOf({ path: route.template, contentLength: bytes.length, ...rest });
  return {
    request,
    peer: request.peer,
    route,
    params,
    body: bytes,
    facts: { ...facts, ...(identity && { identity }) },
  };
}
