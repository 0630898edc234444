/** Four gateways on one Redis under load: a limit is a limit, whoever is asked. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SteadyLoad } from "../faults/steady-load.ts";
import { baseConfiguration, layOver, type Settings } from "../support/gateway-configuration.ts";
import { startGatewayProcess, type GatewayProcess } from "../support/gateway-process.ts";
import { startRecordingUpstream, type RecordingUpstream } from "../support/recording-upstream.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { until } from "../support/until.ts";

const REPLICAS = 4;
const QUOTA = 2_000;
/** Running at the same time, over all replicas. */
const SLOTS = 3;
/** A second. Low enough that two busy cores offer many times as much. */
const RATE = Number(process.env["PORTCULLIS_REPLICAS_RATE"] ?? 100);
const BURST = RATE / 10;
const LANES = 2 * REPLICAS;
const PATIENCE_MS = 60_000;
const TEST_LIMIT_MS = 3 * PATIENCE_MS;

const folder = mkdtempSync(join(tmpdir(), "portcullis-replicas-"));
const issuer = createTokenIssuer();
let redis: RedisServer;
let upstream: RecordingUpstream;

async function replicas(limits: Settings): Promise<readonly GatewayProcess[]> {
  const settings = layOver(baseConfiguration(upstream.origin, ["plain"]), {
    ledger: undefined,
    identity: { apiKeys: undefined },
    limits,
    store: { kind: "redis", url: `redis://127.0.0.1:${redis.port}`, replicas: REPLICAS },
  });
  return Promise.all(
    Array.from({ length: REPLICAS }, (_, at) =>
      startGatewayProcess({ folder, name: `replica-${at}`, settings }),
    ),
  );
}

interface Load {
  readonly load: SteadyLoad;
  /** Answers by status. */
  readonly counts: Map<number, number>;
  /** Most requests that the upstream had at the same time. */
  most: number;
}

/** Two lanes to each replica, as fast as they go. */
function loadOn(gateways: readonly GatewayProcess[]): Load {
  const headers = {
    authorization: `Bearer ${issuer.mint()}`,
    "content-type": "application/json",
  };
  const counts = new Map<number, number>();
  let running = 0;
  upstream.reset();
  upstream.answer((_request, response) => {
    under.most = Math.max(under.most, ++running);
    setTimeout(() => {
      running--;
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    }, 2);
  });
  const load = new SteadyLoad({
    lanes: [...gateways, ...gateways].map(({ origin }) => ({ origin, transport: "http/1.1" })),
    request: () => ({ path: "/churn/v2/predict", headers, body: "{}" }),
    fault: ({ status }) => {
      counts.set(status, (counts.get(status) ?? 0) + 1);
      return status === 200 || status === 429 ? undefined : `status ${status}`;
    },
  });
  const under: Load = { load, counts, most: 0 };
  return under;
}

describe.skipIf(!hasRedis())("four gateways on one Redis", () => {
  const open: GatewayProcess[] = [];
  beforeAll(async () => {
    redis = await startRedis();
    upstream = await startRecordingUpstream();
    writeFileSync(join(folder, "jwks.json"), issuer.jwks);
  });
  afterAll(async () => {
    await redis?.stop();
    await upstream?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(() => Promise.all(open.map((gateway) => gateway.kill())));

  test(
    "a quota is used to the last request and not beyond, and slots are shared",
    { timeout: TEST_LIMIT_MS },
    async () => {
      const gateways = await replicas({
        speed: "exact",
        default: {
          rate: undefined,
          burst: undefined,
          quota: { month: QUOTA },
          concurrency: SLOTS,
        },
      });
      open.push(...gateways);
      const under = loadOn(gateways);
      const { counts, load } = under;
      const refused = (): number => counts.get(429) ?? 0;
      await until("the quota is used", () => upstream.received.length >= QUOTA, PATIENCE_MS);
      const before = refused();
      await until("everybody was refused", () => refused() >= before + 400, PATIENCE_MS);
      await load.stop();
      expect(load.faults).toEqual([]);
      expect(counts.get(200)).toBe(QUOTA);
      expect(under.most).toBeLessThanOrEqual(SLOTS);
      expect(under.most).toBeGreaterThan(1);
    },
  );

  test("a rate is neither passed nor left unused", { timeout: TEST_LIMIT_MS }, async () => {
    await Promise.all(open.splice(0).map((gateway) => gateway.kill()));
    const gateways = await replicas({
      speed: "exact",
      default: { rate: `${RATE}/s`, burst: BURST, concurrency: undefined },
    });
    open.push(...gateways);
    const { load, counts } = loadOn(gateways);
    const passed = (): number => counts.get(200) ?? 0;
    await until(
      "the burst is used",
      () => passed() >= BURST && (counts.get(429) ?? 0) > 0,
      PATIENCE_MS,
    );
    const [from, before] = [performance.now(), passed()];
    await until("ten seconds' worth", () => passed() - before >= 10 * RATE, PATIENCE_MS);
    const seconds = (performance.now() - from) / 1_000;
    await load.stop();
    expect(load.faults).toEqual([]);
    const used = (10 * RATE) / seconds / RATE;
    // Answers to both sides of each end of the span were under way.
    expect(used).toBeLessThanOrEqual(1.001 + LANES / (10 * RATE));
    expect(used).toBeGreaterThanOrEqual(0.98);
  });
});
