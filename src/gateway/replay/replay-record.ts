/**
 * A `decision` line of the ledger as replay and explain read it (docs/ledger-format.md). It takes a line at its word:
 * whether the word is genuine is for `portcullis ledger verify` to say.
 */
import type {
  CostSpent,
  Decider,
  Governed,
  Inspected,
  Limited,
  LimitState,
} from "../../pipeline/facts.ts";
import { readInspected } from "./replay-inspected.ts";
import { readPolicy } from "./replay-policy.ts";

/** Who called, as recorded. With `subjects: hashed` caller, subject, key and credential are `h:` and a hash. */
export interface RecordedWho {
  /** `none`: nobody had proved who they are when it was decided. */
  readonly method: "jwt" | "api_key" | "mtls" | "anonymous" | "none";
  readonly caller: string | undefined;
  readonly subject: string | undefined;
  readonly tenant: string | undefined;
  readonly key: string | undefined;
  readonly issuer: string | undefined;
  readonly credential: string | undefined;
}

/** What the stages knew; see the table of `facts` in the format. */
export interface RecordedFacts {
  readonly listener: string;
  readonly http: string;
  readonly isSecure: boolean;
  /** Version of TLS, such as `TLSv1.3`; undefined for plain connections. */
  readonly tls: string | undefined;
  /** Whether the caller showed a certificate that verified. */
  readonly isMutual: boolean;
  /** Distinguished name of that certificate's issuer. */
  readonly certificateIssuer: string | undefined;
  readonly address: string;
  readonly contentType: string | undefined;
  readonly contentLength: number | undefined;
  readonly scopes: readonly string[];
  readonly permissions: readonly string[];
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly tier: string | undefined;
  readonly standing: string | undefined;
  readonly grant: string | undefined;
}

export interface RecordedDecision {
  readonly seq: number;
  readonly ts: string;
  readonly requestId: string;
  readonly traceId: string;
  readonly who: RecordedWho;
  readonly method: string;
  /** The route's template; empty when no route matched. */
  readonly path: string;
  readonly route: string;
  readonly model: string | undefined;
  readonly version: string | undefined;
  readonly decision: "allow" | "deny" | "error";
  readonly status: number | undefined;
  /** `upstream` where the record was written before the end was known. */
  readonly stage: Decider;
  readonly code: string;
  readonly config: string | undefined;
  readonly facts: RecordedFacts;
  readonly limits: readonly LimitState[];
  /** Undefined where the limits were decided as ever. */
  readonly limitsDegraded: Limited["degraded"];
  /** Units reserved, and where the line could know it settled; undefined where nothing counted cost. */
  readonly cost: CostSpent | undefined;
  /** What the constitution decided; undefined where none did. */
  readonly policy: Governed | undefined;
  /** What the firewall found; undefined where it inspected nothing. */
  readonly inspected: Inspected | undefined;
  /** Undefined where the record was written before the end was known. */
  readonly latencyUs: number | undefined;
  /** By how much `ts` is ahead of the machine's clock. */
  readonly clockBehindUs: number;
  readonly upstream: { readonly name: string; readonly attempts: number } | undefined;
  readonly shadows: readonly { readonly stage: string; readonly code: string }[];
  readonly broken: readonly { readonly stage: string }[];
}

/** A line that says `decision` and is none. */
export class RecordUnreadable extends Error {
  override readonly name = "RecordUnreadable";
  readonly code = "replay.record_unreadable";
}

type Members = Readonly<Record<string, unknown>>;

const NONE: Members = Object.freeze({});
const NO_TEXTS: readonly string[] = [];

/** Reads the parsed members of a `decision` line; throws `RecordUnreadable`. */
export function readDecision(line: Members): RecordedDecision {
  const seq = line["seq"];
  if (typeof seq !== "number") throw new RecordUnreadable("a decision line without seq");
  const need = (name: string): string => {
    const text = textOf(line, name);
    if (text !== undefined) return text;
    throw new RecordUnreadable(`line ${seq} is no decision that can be read: ${name} is missing`);
  };
  const decision = need("decision");
  if (decision !== "allow" && decision !== "deny" && decision !== "error")
    throw new RecordUnreadable(`line ${seq} is no decision that can be read: decision is unknown`);
  const shadows = listOf(line, "shadows");
  return {
    seq,
    ts: need("ts"),
    requestId: need("request_id"),
    traceId: textOf(line, "trace_id") ?? "",
    who: readWho(membersOf(line, "who")),
    method: need("method"),
    path: textOf(line, "path") ?? "",
    route: textOf(line, "route") ?? "",
    model: textOf(line, "model"),
    version: textOf(line, "version"),
    decision,
    status: numberOf(line, "status"),
    stage: (textOf(line, "stage") ?? "upstream") as Decider,
    code: textOf(line, "code") ?? "ok",
    config: textOf(line, "config"),
    facts: readFacts(membersOf(line, "facts")),
    limits: listOf(line, "limits").map(readLimit),
    limitsDegraded: MODES.find((mode) => mode === line["limits_degraded"]),
    cost: readCost(line["cost"]),
    policy: readPolicy(line, membersOf(line, "facts")["policy"]),
    inspected: readInspected(membersOf(line, "facts")["waf"]),
    latencyUs: numberOf(line, "latency_us"),
    clockBehindUs: numberOf(line, "clock_behind_us") ?? 0,
    upstream: readUpstream(line["upstream"]),
    shadows: shadows.map((shadow) => ({
      stage: textOf(shadow, "stage") ?? "",
      code: textOf(shadow, "code") ?? "",
    })),
    broken: listOf(line, "broken").map((one) => ({ stage: textOf(one, "stage") ?? "" })),
  };
}

const METHODS: ReadonlySet<string> = new Set(["jwt", "api_key", "mtls", "anonymous", "none"]);

function readWho(who: Members): RecordedWho {
  const method = textOf(who, "method") ?? "none";
  return {
    method: (METHODS.has(method) ? method : "none") as RecordedWho["method"],
    caller: textOf(who, "caller"),
    subject: textOf(who, "subject"),
    tenant: textOf(who, "tenant"),
    key: textOf(who, "key"),
    issuer: textOf(who, "issuer"),
    credential: textOf(who, "credential"),
  };
}

function readFacts(facts: Members): RecordedFacts {
  const mtls = membersOf(facts, "mtls");
  return {
    listener: textOf(facts, "listener") ?? "",
    http: textOf(facts, "http") ?? "1.1",
    isSecure: facts["secure"] === true,
    tls: textOf(facts, "tls"),
    isMutual: mtls["verified"] === true,
    certificateIssuer: textOf(mtls, "issuer"),
    address: textOf(facts, "address") ?? "",
    contentType: textOf(facts, "content_type"),
    contentLength: numberOf(facts, "content_length"),
    scopes: textsOf(facts, "scopes"),
    permissions: textsOf(facts, "permissions"),
    groups: textsOf(facts, "groups"),
    roles: textsOf(facts, "roles"),
    tier: textOf(facts, "tier"),
    standing: textOf(facts, "standing"),
    grant: textOf(facts, "grant"),
  };
}

const readLimit = (limit: Members): LimitState => ({
  name: textOf(limit, "name") ?? "",
  limit: numberOf(limit, "limit") ?? 0,
  remaining: numberOf(limit, "remaining") ?? 0,
  resetSeconds: numberOf(limit, "reset_s") ?? 0,
});

const MODES = ["share", "allow"] as const;

function readCost(value: unknown): CostSpent | undefined {
  const reserved = isMembers(value) ? numberOf(value, "reserved") : undefined;
  if (!isMembers(value) || reserved === undefined) return undefined;
  return { reserved, settled: numberOf(value, "settled") };
}

function readUpstream(value: unknown): RecordedDecision["upstream"] {
  if (!isMembers(value)) return undefined;
  return { name: textOf(value, "name") ?? "", attempts: numberOf(value, "attempts") ?? 1 };
}

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function membersOf(from: Members, name: string): Members {
  const value = from[name];
  return isMembers(value) ? value : NONE;
}

function textOf(from: Members, name: string): string | undefined {
  const value = from[name];
  return typeof value === "string" ? value : undefined;
}

function numberOf(from: Members, name: string): number | undefined {
  const value = from[name];
  return typeof value === "number" ? value : undefined;
}

function listOf(from: Members, name: string): readonly Members[] {
  const value = from[name];
  return Array.isArray(value) ? value.filter(isMembers) : [];
}

function textsOf(from: Members, name: string): readonly string[] {
  const value = from[name];
  if (!Array.isArray(value)) return NO_TEXTS;
  return value.filter((one) => typeof one === "string");
}
