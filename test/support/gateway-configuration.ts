/** The configuration that journeys start from, as plain settings; each test lays its own over it and writes it as YAML. */
import { AUDIENCE, CALLER, ISSUER } from "./token-issuer.ts";

export type Settings = { readonly [name: string]: unknown };

/** `plain` is HTTP/1.1; the others are TLS with HTTP/1.1 and HTTP/2, without, with and only with caller certificates. */
export type ListenerKind = "plain" | "tls" | "callers-request" | "callers-require";

const TLS = { certificate: "file:server.crt", key: "file:server.key" };
const CALLERS_CA = "file:callers-ca.crt";

const LISTENERS: Readonly<Record<ListenerKind, Settings>> = {
  plain: {},
  tls: { tls: TLS },
  "callers-request": { tls: { ...TLS, callers: { mode: "request", ca: CALLERS_CA } } },
  "callers-require": { tls: { ...TLS, callers: { mode: "require", ca: CALLERS_CA } } },
};

/** One model `churn`, versions v1 and v2, one caller, everything on. */
export function baseConfiguration(upstream: string, listeners: readonly ListenerKind[]): Settings {
  return {
    version: 1,
    environment: "development",
    listeners: listeners.map((kind) => ({ name: kind, bind: "127.0.0.1:0", ...LISTENERS[kind] })),
    operator: { bind: "127.0.0.1:0" },
    // Tests call from one address, and some of them often.
    sources: { rate: "1000000/5m" },
    identity: {
      issuers: {
        test: {
          issuer: ISSUER,
          audience: [AUDIENCE],
          algorithms: ["ES256"],
          jwks: "file:jwks.json",
        },
      },
      apiKeys: {},
    },
    authorization: {
      grants: [{ name: "predicts", caller: CALLER, tenant: "retail", scopes: ["predict:churn"] }],
    },
    limits: { default: { rate: "100000/s", burst: 100_000, concurrency: 1_000 } },
    upstreams: { model: { targets: [upstream], timeout: "5s" } },
    models: {
      churn: { versions: { v1: { upstream: "model" }, v2: { upstream: "model" } } },
    },
    ledger: { directory: "ledger", gateway: "test", signingKey: "file:ledger.key" },
    telemetry: { log: { destination: "file:gateway.log" } },
  };
}

/** `over` laid on `base`: mappings are merged, everything else is replaced; undefined takes a setting away. */
export function layOver(base: Settings, over: Settings = {}): Settings {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    if (value === undefined) delete merged[name];
    else merged[name] = isMapping(value) && isMapping(below) ? layOver(below, value) : value;
  }
  return merged;
}

const isMapping = (value: unknown): value is Settings =>
  typeof value === "object" && value !== null && !Array.isArray(value);
