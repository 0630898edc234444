/**
 * What limits in Redis cost: processor time of this process (not the server's) and round trips for each request, with so
 * many callers at a time as a busy replica has. Starts a Redis of its own.
 *
 *   node bench/limits-redis.ts [--json] [--requests 100000] [--callers 64]
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { openRedisLink } from "../src/stores/redis/open-redis-link.ts";
import type { LimitGroup, LimitRule, LimitSpeed } from "../src/stores/limits/limit-store.ts";
import { RedisLimitStore } from "../src/stores/limits/redis/redis-limit-store.ts";
import { startRedis, type RedisServer } from "../test/support/redis-server.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    requests: { type: "string", default: "100000" },
    callers: { type: "string", default: "64" },
  },
});
const REQUESTS = Number(values.requests);
const CALLERS = Number(values.callers);
/** Until the code is compiled. */
const WARM_UP_SHARE = 0.2;
/** Callers are told apart by so many names, as in a gateway. */
const SUBJECTS = 200;
/** Nothing is ever refused: refusals cost less. */
const PLENTY = 1_000_000_000;

interface Row {
  readonly limits: string;
  readonly speed: LimitSpeed;
  readonly cpuUs: number;
  readonly serverCpuUs: number;
  readonly roundTrips: number;
  readonly requestsPerSecond: number;
}

const common = (speed: LimitSpeed) =>
  ({ name: "bench", limit: PLENTY, unit: "requests", speed, onStoreFailure: "deny" }) as const;

const one = (speed: LimitSpeed): LimitRule[] => [
  { ...common(speed), kind: "bucket", count: 1000, perMs: 1000 },
];

const five = (speed: LimitSpeed): LimitRule[] => [
  ...one(speed),
  { ...common(speed), kind: "sliding", windowMs: 60_000 },
  { ...common(speed), kind: "day", timeZone: "Europe/Zurich" },
  { ...common(speed), kind: "month", timeZone: "UTC", unit: "cost" },
  { ...common(speed), kind: "concurrency" },
];

const SUBJECTS_OF: readonly { limits: string; rules: (speed: LimitSpeed) => LimitRule[] }[] = [
  { limits: "one bucket", rules: one },
  { limits: "five limits of all kinds", rules: five },
];

async function main(): Promise<void> {
  const server = await startRedis();
  const link = await openRedisLink({
    servers: { kind: "alone", address: { host: "127.0.0.1", port: server.port } },
    login: {},
    prefix: "bench",
    maxConnections: 2,
    commandTimeoutMs: 5_000,
    healthCheckIntervalMs: 500,
    keepAliveMs: 30_000,
    maxAgeMs: 0,
  });
  try {
    const rows: Row[] = [];
    for (const { limits, rules } of SUBJECTS_OF)
      for (const speed of ["exact", "leased"] as const) {
        const prefix = `{bench}:${rows.length}:`;
        const store = new RedisLimitStore({ link, prefix, replicas: () => 2 });
        const numbers = await measure(store, rules(speed), () => readServerCpuUs(server));
        await store.close();
        rows.push({ limits, speed, ...numbers });
      }
    print(rows);
  } finally {
    await link.close();
    await server.stop();
  }
}

async function measure(
  store: RedisLimitStore,
  rules: readonly LimitRule[],
  serverUs: () => Promise<number>,
): Promise<Omit<Row, "limits" | "speed">> {
  await load(store, rules, REQUESTS * WARM_UP_SHARE);
  const before = store.snapshot();
  const serverBeforeUs = await serverUs();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await load(store, rules, REQUESTS);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    cpuUs: (user + system) / REQUESTS,
    serverCpuUs: ((await serverUs()) - serverBeforeUs) / REQUESTS,
    // What callers wait for; what is given back is sent along with it.
    roundTrips: (store.snapshot().roundTrips - before.roundTrips) / REQUESTS,
    requestsPerSecond: REQUESTS / seconds,
  };
}

/** Of the server's process so far. */
async function readServerCpuUs(server: RedisServer): Promise<number> {
  const info = String(await server.command("INFO", "cpu"));
  const seconds = ["used_cpu_user", "used_cpu_sys"].map((name) =>
    Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)?.[1]),
  );
  return seconds.reduce((sum, part) => sum + part, 0) * 1_000_000;
}

async function load(
  store: RedisLimitStore,
  rules: readonly LimitRule[],
  requests: number,
): Promise<void> {
  const groups: LimitGroup[] = Array.from({ length: SUBJECTS }, (_, index) => ({
    scope: "route:churn.v2.predict",
    subject: `tenant-7/caller-${index}`,
    rules,
  }));
  let next = 0;
  const call = async (): Promise<void> => {
    while (next < requests) {
      const group = groups[next++ % SUBJECTS] as LimitGroup;
      const verdict = await store.decide({ groups: [group], cost: 10, nowMs: Date.now() });
      if (!verdict.isGranted) throw new Error("refused");
      // A request of the gateway takes longer than a turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      if (verdict.hold) store.finish(verdict.hold, 7);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

function print(rows: readonly Row[]): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ cpu: cpus()[0]?.model, rows })}\n`);
    return;
  }
  for (const { limits, speed, cpuUs, serverCpuUs, roundTrips, requestsPerSecond } of rows)
    process.stdout.write(
      `${limits.padEnd(26)} ${speed.padEnd(7)} ${cpuUs.toFixed(1).padStart(6)} us of CPU  ` +
        `${serverCpuUs.toFixed(1).padStart(6)} us of the server's  ` +
        `${roundTrips.toFixed(3)} round trips  ${Math.round(requestsPerSecond)} requests/s\n`,
    );
}

await main();
