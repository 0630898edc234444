/**
 * Kill switches when things break: processes that are killed, messages that are lost, a Redis that is away, restarted
 * empty or flushed. What is shut stays shut.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { KillView } from "../../src/admin/kill-pages.ts";
import { SYSTEM_CLOCK } from "../../src/pipeline/stage.ts";
import { openEmbeddedKillSwitches } from "../../src/stores/kill/embedded-kill-switches.ts";
import { startGatewayProcess, type GatewayProcess } from "../support/gateway-process.ts";
import { startRecordingUpstream, type RecordingUpstream } from "../support/recording-upstream.ts";
import { hasRedis, startRedis, type RedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { runCommand } from "../cli/command.ts";

/** What is promised is faster; asserted is that it happens, on whatever machine. */
const PATIENCE_MS = 20_000;
/** Each starts several processes. */
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
let upstream: RecordingUpstream;
const running = new Set<GatewayProcess>();
const servers: RedisServer[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "portcullis-kill-faults-"));
  upstream = await startRecordingUpstream();
});

afterEach(async () => {
  await Promise.all([...running].map((gateway) => gateway.kill()));
  running.clear();
  for (const server of servers.splice(0)) await server.stop();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

async function redis(): Promise<RedisServer> {
  const server = await startRedis();
  servers.push(server);
  return server;
}

/** A machine of its own: the name is its store's, too. */
async function startOn(name: string, server?: RedisServer): Promise<GatewayProcess> {
  const version = () => ({ upstream: "model", identity: "none" });
  const path = `${name}.db`;
  const started = await startGatewayProcess({
    folder,
    name: `${name}-${running.size}`,
    settings: {
      version: 1,
      environment: "development",
      listeners: [{ name: "plain", bind: "127.0.0.1:0" }],
      operator: { bind: "127.0.0.1:0" },
      sources: { rate: "1000000/5m" },
      limits: { default: { rate: "100000/s", burst: 100_000 } },
      upstreams: { model: { targets: [upstream.origin] } },
      models: { churn: { versions: { v1: version(), v2: version() } } },
      store: server ? { kind: "redis", url: server.url, path } : { path },
    },
  });
  running.add(started);
  return started;
}

async function statusOf({ origin }: GatewayProcess, version = "v2"): Promise<number> {
  const answer = await fetch(`${origin}/churn/${version}/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  await answer.arrayBuffer();
  return answer.status;
}

const V2 = { model: "churn", version: "v2", reason: "wrong scores", by: "ana" };

async function order(
  { operatorOrigin }: GatewayProcess,
  path: string,
  body: object,
): Promise<KillView> {
  const answer = await fetch(operatorOrigin + path, { method: "POST", body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { switch: KillView }).switch;
}

const untilStatus = (of: GatewayProcess, status: number): Promise<void> =>
  until(`it answers ${status}`, async () => (await statusOf(of)) === status, PATIENCE_MS);

describe("on one machine", () => {
  test("a switch that another process puts on takes effect in the gateway", async () => {
    const one = await startOn("a");
    expect(await statusOf(one)).toBe(200);
    const store = openEmbeddedKillSwitches({
      path: join(folder, "a.db"),
      clock: SYSTEM_CLOCK,
      isWatching: false,
    });
    const { model, version, reason, by: author } = V2;
    const scope = { model, version };
    const startedMs = performance.now();
    await store.on({ scope, reason, author, expiresAtMs: undefined, routeTo: undefined });
    const writtenMs = performance.now();
    await untilStatus(one, 503);
    const seenMs = performance.now();
    store.close();
    console.info(
      `written in ${(writtenMs - startedMs).toFixed(1)} ms, in effect after another ${(seenMs - writtenMs).toFixed(1)} ms`,
    );
    expect(await statusOf(one, "v1")).toBe(200);
  });

  test("a gateway that is killed as soon as it has said yes has it when it starts again", async () => {
    const one = await startOn("a");
    await order(one, "/kill", V2);
    await one.kill("SIGKILL");
    const again = await startOn("a");
    expect(await statusOf(again)).toBe(503);
    expect(await statusOf(again, "v1")).toBe(200);
  });
});

describe.skipIf(!hasRedis())("on several machines with one Redis", () => {
  test("a switch of one gateway holds in the other, with and without messages", async () => {
    const server = await redis();
    const [a, b] = await Promise.all([startOn("a", server), startOn("b", server)]);
    const startedMs = performance.now();
    const { id } = await order(a, "/kill", V2);
    await untilStatus(b, 503);
    console.info(
      `in effect in the other gateway after ${(performance.now() - startedMs).toFixed(1)} ms`,
    );
    await order(b, "/kill/off", { id, by: "ben" });
    await untilStatus(a, 200);
    // The message of the next change goes out while nobody listens.
    await server.command("CLIENT", "KILL", "TYPE", "pubsub");
    await order(a, "/kill", V2);
    await untilStatus(b, 503);
  });

  test("with Redis away a switch holds over a restart; a flush, or an empty Redis, lifts none", async () => {
    const server = await redis();
    const a = await startOn("a", server);
    await order(a, "/kill", V2);
    await server.kill();
    await a.kill("SIGKILL");
    const again = await startOn("a", server);
    expect(await statusOf(again)).toBe(503);
    await order(again, "/kill", { ...V2, version: "v1" });
    expect(await statusOf(again, "v1")).toBe(503);
    await server.start();
    const b = await startOn("b", server);
    await untilStatus(b, 503);
    await until(
      "what was shut without Redis is here",
      async () => (await statusOf(b, "v1")) === 503,
      PATIENCE_MS,
    );
    await server.command("FLUSHALL");
    await until(
      "Redis has been told again",
      async () => Number(await server.command("HLEN", "{portcullis}:kill")) === 3,
      PATIENCE_MS,
    );
    expect([await statusOf(again), await statusOf(b)]).toEqual([503, 503]);
  });

  test("the command writes to Redis and to the machine's file, and says when others do not know", async () => {
    const server = await redis();
    const settingsOf = (name: string): string => {
      const path = join(folder, `${name}.yaml`);
      writeFileSync(
        path,
        `version: 1
listeners: [{ bind: "127.0.0.1:0" }]
upstreams: { model: { targets: ["http://127.0.0.1:9000"] } }
store: { kind: redis, url: "${server.url}", path: ${name}.db }
`,
      );
      return path;
    };
    const on = (name: string, ...args: string[]) =>
      runCommand(["kill", ...args, "--config", settingsOf(name)]);
    const reason = ["--reason", "drill"];
    expect(await on("a", "on", "--tenant", "one", ...reason)).toMatchObject({
      code: 0,
      stderr: "",
    });
    expect((await on("b", "list")).stdout).toContain("tenant one");
    await server.kill();
    const alone = await on("b", "on", "--tenant", "two", ...reason);
    expect(alone.code).toBe(2);
    expect(alone.stdout).toContain("tenant two");
    expect(alone.stderr).toMatch(/^warning: Redis does not answer/);
    expect(await on("b", "list")).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/tenant one[^]*tenant two/),
    });
    await server.start();
    expect((await on("b", "list")).code).toBe(0);
    expect((await on("c", "list")).stdout).toMatch(/tenant one[^]*tenant two/);
  });
});
