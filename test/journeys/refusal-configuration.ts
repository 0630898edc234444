/** A gateway on which every refusal can be had: one route or one upstream for each way to be told no. */
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import type { Settings } from "../support/gateway-configuration.ts";
import { answerJson, PREDICTION, type Answering } from "../support/recording-upstream.ts";

/** Port 1 (RFC 1078, tcpmux) has no listener on any machine of today: a connection to it is refused at once. */
const DEAD = "http://127.0.0.1:1";
export const AWAY_ISSUER = "https://away.test.example";
export const ALLOWED_ORIGIN = "https://app.test.example";
/** What a caller behind the trusted proxy of this configuration says it is. */
export const DENIED_ADDRESS = "192.0.2.66";
export const BUSY_ADDRESS = "192.0.2.77";

const post = (path: string, more: Settings = {}): Settings => ({
  path,
  methods: ["POST"],
  upstream: "model",
  ...more,
});

export function refusalConfiguration(upstream: string, silentPort: number): Settings {
  const hasty = { timeout: "150ms", connectTimeout: "100ms" };
  return {
    server: {
      limits: {
        headerBytes: "4KiB",
        headerCount: 40,
        urlBytes: "1KiB",
        headerTimeout: "300ms",
        bodyTimeout: "300ms",
      },
    },
    trustedProxies: ["127.0.0.1/32"],
    sources: { rate: "1/5m", deny: [`${DENIED_ADDRESS}/32`], unlimited: ["127.0.0.0/8"] },
    headers: { cors: { origins: [ALLOWED_ORIGIN] } },
    identity: {
      issuers: {
        away: {
          issuer: AWAY_ISSUER,
          audience: ["inference"],
          algorithms: ["ES256"],
          jwksUrl: `${DEAD}/jwks`,
        },
      },
    },
    upstreams: {
      hasty: { targets: [upstream], ...hasty },
      dead: { targets: [DEAD], ...hasty },
      silent: {
        targets: [`https://127.0.0.1:${silentPort}`],
        timeout: "1s",
        connectTimeout: "100ms",
      },
      narrow: { targets: [upstream], connections: 1, queue: 0 },
      plump: { targets: [upstream], responseLimit: "1KiB" },
    },
    models: {
      churn: {
        versions: {
          v0: { upstream: "model", status: "revoked", successor: "v2" },
          v2: { upstream: "model", request: "file:churn.request.json", body: "1KiB" },
        },
      },
    },
    contract: { json: { depth: 4, members: 20, string: "64B" } },
    routes: [
      post("/open", { identity: "none" }),
      post("/shut"),
      post("/scoped", { scopes: ["admin:everything"] }),
      post("/guess", { stages: { identity: { mode: "shadow" } } }),
      post("/tight", { limits: { rate: "1/1h", burst: 1 } }),
      post("/quota", { limits: { quota: { day: 1 } } }),
      post("/busy", { limits: { concurrency: 1 } }),
      post("/crowded", { limits: { concurrency: 1, busyStatus: 503 } }),
      post("/windowed", { limits: { window: "1/1h" } }),
      post("/dear", { limits: { cost: 1, tiers: { default: { cost: { quota: { month: 1 } } } } } }),
      post("/bodiless", { requestBody: "forbidden" }),
      {
        path: "/items/{id:int}",
        upstream: "model",
        query: "strict",
        parameters: { query: { page: { type: "int" } } },
      },
      post("/answers/invalid", { response: "file:churn.response.json" }),
      post("/answers/large", { upstream: "plump" }),
      post("/answers/masked", { mask: { fields: ["iban"] } }),
      post("/answers/late", { upstream: "hasty" }),
      post("/answers/lost"),
      post("/answers/garbage"),
      post("/dead", { upstream: "dead" }),
      post("/silent", { upstream: "silent" }),
      post("/narrow", { upstream: "narrow" }),
    ],
  };
}

export const REFUSAL_FILES = {
  "churn.request.json": JSON.stringify({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    required: ["tenure"],
    properties: { tenure: { type: "integer", minimum: 0 } },
    additionalProperties: false,
  }),
  "churn.response.json": JSON.stringify({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    required: ["probability"],
    properties: { probability: { type: "number" } },
  }),
};

/** Answers that wait until they are let go: a time would be too short on a machine that is busy with something else. */
const held: (() => void)[] = [];

/** Lets go of every answer that was held back so far. */
export function releaseAnswers(): void {
  for (const answer of held.splice(0)) answer();
}

/** Answers as badly as the path asks for. */
export const answerBadly: Answering = (request, response) => {
  switch (request.target) {
    case "/answers/invalid":
      return answerJson('{"probability":"high"}')(request, response);
    case "/answers/large":
      return answerJson(JSON.stringify("x".repeat(4_096)))(request, response);
    case "/answers/masked":
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"iban":');
      return;
    case "/answers/lost":
      response.destroy();
      return;
    case "/answers/garbage":
      response.socket?.end("NONSENSE\r\n\r\n");
      return;
    case "/answers/late":
    case "/busy":
    case "/crowded":
    case "/narrow":
      held.push(() => void answerJson(PREDICTION)(request, response));
      return;
    default:
      return answerJson(PREDICTION)(request, response);
  }
};

/** Accepts connections and never says a word: no TLS handshake with it ever ends. */
export async function startSilentServer(): Promise<{ port: number; close(): void }> {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
