/**
 * Seeded traffic through the real stages and the real runner, recorded by the real journal's lines: what replay is tested
 * on. Only sockets and upstreams are played. Nothing here knows how replay works.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { stringify } from "yaml";
import {
  createTokenIssuer,
  AUDIENCE,
  ISSUER,
  type TokenIssuer,
} from "../../../test/support/token-issuer.ts";
import { layOver, type Settings } from "../../../test/support/gateway-configuration.ts";
import { contextOf, peerOf } from "../../../test/support/context.ts";
import type { Exchange, Sent } from "../../pipeline/exchange.ts";
import type { Forwarder } from "../../pipeline/forward.ts";
import type { Journal } from "../../pipeline/journal.ts";
import { rejection, type Rejection, type RejectionCode } from "../../pipeline/rejection.ts";
import type { CallerRequest, Peer } from "../../pipeline/request-context.ts";
import { SYSTEM_CLOCK } from "../../pipeline/stage.ts";
import { SourceMemory } from "../../stages/sources/source-memory.ts";
import { openEmbeddedKeyStore } from "../../stores/keys/embedded-key-store.ts";
import { MemoryLimitStore } from "../../stores/limits/memory-limit-store.ts";
import { readConfiguration, type Configuration } from "../configuration.ts";
import { Gateway } from "../gateway.ts";
import { DecisionLines } from "../journal/decision-line.ts";
import { prepareGeneration } from "../prepare.ts";

const MESH_CALLER = "URI:spiffe://bank.example/mesh";
const WEB_ORIGIN = "https://app.example.bank";

/** Every kind of route and every stage: limits and rates that are met, shadows, open routes, streams, masks. */
const TRAFFIC_CONFIGURATION: Settings = {
  version: 1,
  environment: "development",
  listeners: [{ name: "public", bind: "127.0.0.1:0" }],
  operator: { bind: "127.0.0.1:0" },
  sources: { rate: "300/5m", deny: ["203.0.113.0/24"], unlimited: ["10.0.0.0/8"] },
  headers: { cors: { origins: [WEB_ORIGIN] }, refuseUnknownOrigins: true },
  identity: {
    issuers: {
      test: { issuer: ISSUER, audience: [AUDIENCE], algorithms: ["ES256"], jwks: "file:jwks.json" },
    },
    apiKeys: {},
    certificates: [
      { san: MESH_CALLER, caller: "mesh", tenant: "retail", scopes: ["predict:churn"] },
    ],
  },
  authorization: {
    roles: { scorer: ["score"] },
    grants: [
      { name: "core-v1", caller: "core-banking", tenant: "retail", model: "churn", version: "v1" },
      { name: "core-churn", caller: "core-banking", model: "churn", scopes: ["predict:churn"] },
      { name: "reporting", caller: ["reporting", "mesh"], model: "churn", version: ["v1", "v2"] },
      { name: "private-bank", tenant: "private", permissions: ["score"] },
      { name: "operators", groups: ["ops"], route: ["core", "files"], method: ["GET", "HEAD"] },
      { name: "nightly", caller: "nightly", scopes: ["batch"] },
      { name: "by-role", roles: ["scorer"], model: "fraud" },
    ],
  },
  limits: {
    default: { rate: "1000000/s", burst: 1_000_000, concurrency: 10_000 },
    tiers: { tight: { rate: "1/s", burst: 40 } },
    callers: { nightly: "tight" },
  },
  contract: { json: { depth: 4 } },
  upstreams: { model: { targets: ["http://127.0.0.1:1"] } },
  models: {
    churn: {
      versions: {
        v0: { upstream: "model", status: "revoked", successor: "v2" },
        v1: { upstream: "model", status: "deprecated", successor: "v2" },
        v2: { upstream: "model", body: "1KiB", mask: { fields: ["iban"] } },
      },
    },
    fraud: {
      versions: { v1: { upstream: "model", stages: { authorization: { mode: "shadow" } } } },
    },
  },
  routes: [
    { path: "/causal/{model:slug}/explain", upstream: "model", methods: ["POST"] },
    { id: "core", path: "/core/**", upstream: "model", methods: ["GET", "POST"] },
    { path: "/files", upstream: "model", methods: ["PUT"], bodyMode: "stream" },
    { path: "/health", upstream: "model", identity: "none" },
    { path: "/guess", upstream: "model", stages: { identity: { mode: "shadow" } } },
    { path: "/scoped/{id:int}", upstream: "model", scopes: ["scoped:read"] },
  ],
};

/** Settings without counters: nothing then depends on what was asked before, and the same traffic can be sent again. */
export const UNCOUNTED: Settings = {
  ...TRAFFIC_CONFIGURATION,
  sources: { deny: ["203.0.113.0/24"], unlimited: ["0.0.0.0/0"] },
  limits: { default: { unlimited: true }, tiers: { tight: { unlimited: true } } },
};

export interface TrafficWorld {
  readonly folder: string;
  readonly issuer: TokenIssuer;
  readonly apiKeys: readonly string[];
  /** Reads the traffic configuration with other settings laid over. */
  read(over?: Settings | ((settings: Settings) => Settings)): Promise<Configuration>;
  close(): void;
}

/** A configuration folder with an issuer's keys and two API keys, of `nightly` and of `reporting`. */
export function createTrafficWorld(): TrafficWorld {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-replay-"));
  const issuer = createTokenIssuer();
  const write = (name: string, text: string): void =>
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  write("jwks.json", issuer.jwks);
  const keys = openEmbeddedKeyStore({
    path: join(folder, "portcullis.db"),
    clock: SYSTEM_CLOCK,
    isWatching: false,
  });
  const apiKeys = [
    keys.create({ name: "night", owner: "nightly", scopes: ["batch"] }).reveal(),
    keys.create({ name: "report", owner: "reporting", tenant: "private", tier: "tight" }).reveal(),
  ];
  keys.close();
  return {
    folder,
    issuer,
    apiKeys,
    async read(over = {}) {
      const settings =
        typeof over === "function"
          ? over(TRAFFIC_CONFIGURATION)
          : layOver(TRAFFIC_CONFIGURATION, over);
      write("portcullis.yaml", stringify(settings, { aliasDuplicateObjects: false }));
      const path = join(folder, "portcullis.yaml");
      const configuration = await readConfiguration({ path, env: {}, flags: [] });
      if (configuration.ok) return configuration;
      throw new Error(configuration.diagnostics.map(({ message }) => message).join("\n"));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What one caller sends, and what becomes of it on the wire and at the upstream. */
export interface Traffic {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly address: string;
  readonly certificate: boolean;
  /** The listener refuses it before any stage. */
  readonly listenerRefusal: RejectionCode | undefined;
  readonly wire: "whole" | "body_incomplete" | "gone";
  readonly upstream: "ok" | "timeout" | "unreadable";
}

const PATHS = [
  ["/churn/v0/predict", "/churn/v1/predict", "/churn/v2/predict", "/churn/v2/predict"],
  ["/fraud/v1/predict", "/v2/models/churn/versions/v1/infer", "/v2/models/churn/versions/v2/ready"],
  ["/causal/uplift/explain", "/core/accounts/7", "/core/rates", "/files", "/health", "/guess"],
  ["/scoped/7", "/scoped/12", "/nothing/here", "/causal"],
].flat();
const METHODS = ["POST", "POST", "POST", "POST", "GET", "GET", "PUT", "DELETE"];
const BODIES = ['{"tenure":3}', '{"tenure":3}', "", '{"a":{"b":{"c":{"d":{"e":1}}}}}', "{", "x"];
const REFUSALS = ["listener.invalid_header", "listener.invalid_host"] as const;

/** Mulberry32: the same numbers for the same seed on every machine. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `count` requests, the same for the same seed and world. */
export function* trafficOf(world: TrafficWorld, count: number, seed = 1): Generator<Traffic> {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const chance = (share: number): boolean => random() < share;
  const tokens = tokensOf(world.issuer);
  for (let i = 0; i < count; i++) {
    const credential = random();
    const headers: Record<string, string> = {};
    if (credential < 0.75) headers["authorization"] = `Bearer ${pick(tokens)}`;
    else if (credential < 0.85) headers["x-api-key"] = pick(world.apiKeys);
    const certificate = credential > 0.95;
    if (chance(0.02)) headers["x-api-key"] = `${world.apiKeys[0]}`;
    if (chance(0.05)) headers["origin"] = pick([WEB_ORIGIN, "https://evil.example"]);
    const body = pick(BODIES);
    if (body !== "" || chance(0.5))
      headers["content-type"] = pick(["application/json", "text/csv"]);
    const isPreflight = chance(0.01);
    if (isPreflight) {
      headers["origin"] = WEB_ORIGIN;
      headers["access-control-request-method"] = "POST";
    }
    yield {
      id: `r-${seed}-${i}`,
      method: isPreflight ? "OPTIONS" : pick(METHODS),
      path: pick(PATHS),
      headers,
      body: chance(0.02) ? `{"a":"${"x".repeat(2_000)}"}` : body,
      address: addressOf(random()),
      certificate,
      listenerRefusal: chance(0.01) ? pick(REFUSALS) : undefined,
      wire: chance(0.98) ? "whole" : pick(["body_incomplete", "gone"] as const),
      upstream: chance(0.95) ? "ok" : pick(["timeout", "unreadable"] as const),
    };
  }
}

/** Most come from anywhere, some from networks that may not, one from a place over its rate. */
function addressOf(share: number): string {
  if (share < 0.02) return `203.0.113.${Math.floor(share * 5_000)}`;
  if (share < 0.06) return "198.51.100.77";
  return `10.${Math.floor(share * 200)}.${Math.floor(share * 50_000) % 250}.9`;
}

function tokensOf(issuer: TokenIssuer): string[] {
  const callers = ["core-banking", "reporting", "batch", "nightly", "stranger"];
  const rights = [
    { scope: "predict:churn" },
    { scope: "predict:churn scoped:read", roles: ["scorer"] },
    { scope: "batch", groups: ["ops"] },
    { scope: "", permissions: ["score"] },
  ];
  const good = callers.flatMap((caller) =>
    ["retail", "private"].flatMap((tenant) =>
      rights.map((right) =>
        issuer.mint({
          client_id: caller,
          sub: `${caller}-app`,
          tenant_id: tenant,
          exp: LATER_S,
          ...right,
        }),
      ),
    ),
  );
  return [
    ...good,
    issuer.mint({ exp: 1_000_000_000, iat: 999_999_000 }),
    issuer.mint({}, { isForged: true }),
    "not.a.token",
  ];
}

const LATER_S = Math.floor(Date.now() / 1_000) + 3_000;

/** What really became of one request. */
export interface Recorded {
  readonly traffic: Traffic;
  /** Members of its decision line, as the journal writes them. */
  readonly members: string;
}

export interface RecordOptions {
  readonly isHashed?: boolean;
}

/** Sends the traffic through a gateway of this configuration, one after the other. */
export async function record(
  world: TrafficWorld,
  configuration: Configuration,
  traffic: Iterable<Traffic>,
  { isHashed = false }: RecordOptions = {},
): Promise<Recorded[]> {
  const keys = openEmbeddedKeyStore({
    path: join(world.folder, "portcullis.db"),
    clock: SYSTEM_CLOCK,
    isWatching: false,
  });
  const prepared = await prepareGeneration(configuration, {
    clock: SYSTEM_CLOCK,
    limitStore: new MemoryLimitStore(),
    sources: new SourceMemory(),
    keys,
  });
  const recorded: Recorded[] = [];
  let current: Traffic | undefined;
  const forwarder: Forwarder = { forward: () => Promise.resolve(answered(current as Traffic)) };
  const journal = journalInto(
    (members) => recorded.push({ traffic: current as Traffic, members }),
    {
      config: prepared.digest,
      isHashed,
    },
  );
  const gateway = new Gateway(
    { ...prepared, forwarder },
    {
      recorder: { record: () => undefined },
      clock: SYSTEM_CLOCK,
      journalFor: () => journal,
      onMalformed: () => undefined,
      onInFlight: () => undefined,
    },
  );
  for (current of traffic) {
    const exchange = new PlayedExchange(current);
    const { listenerRefusal } = current;
    if (listenerRefusal) await gateway.refuse(exchange, rejection(listenerRefusal));
    else await gateway.handle(exchange);
  }
  gateway.close();
  keys.close();
  return recorded;
}

function journalInto(
  take: (members: string) => void,
  settings: { readonly config: string; readonly isHashed: boolean },
): Journal {
  const salt = { id: "0123456789abcdef", bytes: Buffer.alloc(32, 7) };
  const lines = new DecisionLines({
    ...settings,
    isCommitted: true,
    addresses: "truncated",
    salts: { saltOf: () => salt },
  });
  return {
    refusal: () => undefined,
    isStrict: false,
    beforeForward: () => Promise.resolve(),
    beforeAnswer: (resolution) => {
      take(lines.decision(resolution));
      return undefined;
    },
    afterEnd: () => undefined,
  };
}

type Forwarded = Awaited<ReturnType<Forwarder["forward"]>>;

function answered({ upstream }: Traffic): Forwarded {
  if (upstream === "timeout") return { kind: "rejected", rejection: rejection("upstream.timeout") };
  const body = Buffer.from(upstream === "ok" ? '{"score":0.5,"iban":"DE1"}' : "no json at all");
  const headers = ["content-type", "application/json"];
  return { kind: "response", response: { status: 200, headers, body } };
}

class PlayedExchange implements Exchange {
  readonly request: CallerRequest;
  readonly bytesIn = 0;
  readonly #traffic: Traffic;

  constructor(traffic: Traffic) {
    this.#traffic = traffic;
    const { id, method, path, headers, body, address } = traffic;
    const peer: Peer = traffic.certificate ? MESH_PEER : peerOf({ address });
    this.request = contextOf({
      requestId: id,
      method,
      path,
      headers,
      peer,
      callerAddress: address,
      isSecure: traffic.certificate,
      contentLength: Buffer.byteLength(body),
    }).request;
  }

  get isCallerGone(): boolean {
    return this.#traffic.wire === "gone";
  }

  onCallerGone(): void {}

  readBody(limitBytes: number): Promise<Buffer | Rejection> {
    const { wire, body } = this.#traffic;
    if (wire === "body_incomplete") return Promise.resolve(rejection("listener.body_incomplete"));
    const bytes = Buffer.from(body);
    const isOver = bytes.length > limitBytes;
    return Promise.resolve(isOver ? rejection("contract.body_too_large") : bytes);
  }

  streamBody(): Readable {
    return Readable.from([Buffer.from(this.#traffic.body)]);
  }

  send(): Sent {
    return { bytesOut: 1, isComplete: true };
  }
}

const MESH_PEER: Peer = peerOf({
  tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  certificate: {
    verified: true,
    subject: "CN=mesh",
    issuer: "CN=ca",
    serial: "01",
    subjectAltNames: [MESH_CALLER],
    thumbprintSha256: "thumbprint",
    chain: [],
    expiresAtMs: Number.MAX_SAFE_INTEGER,
  },
});
