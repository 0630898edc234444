/** Workers and their primary that die, at any time and without a word: what is lost is what was in that process alone. */
import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { answerJson, PREDICTION } from "../support/recording-upstream.ts";
import { until } from "../support/until.ts";
import { SteadyLoad } from "./steady-load.ts";
import { isRunning, startWorkers, type WorkersGateway } from "./workers-gateway.ts";

const PATIENCE_MS = 40_000;
// Each test starts several processes.
vi.setConfig({ testTimeout: 180_000 });

/** A lane numbers its requests from a multiple of this. */
const LANE_SERIALS = 1_000_000;

const isReady = async (gateway: WorkersGateway): Promise<boolean> =>
  (await gateway.operator("GET", "/readyz")).status === 200;

test("kill -9 under load: its own connections break, no other request is harmed, and it serves again", async () => {
  const gateway = await startWorkers({ workers: 2 });
  const load = new SteadyLoad({
    lanes: Array.from({ length: 8 }, () => ({
      origin: gateway.origin,
      transport: "http/1.1" as const,
    })),
    request: () => ({ path: "/churn/v2/predict", headers: gateway.headers(), body: "{}" }),
    fault: ({ status, text }) =>
      status === 200 && text === PREDICTION ? undefined : `${status} ${text}`,
  });
  await until("load runs", () => load.answered > 100, PATIENCE_MS);
  const [dead = 0, living = 0] = gateway.pids();
  process.kill(dead, "SIGKILL");
  const before = load.answered;
  await until("load goes on", () => load.answered > before + 100, PATIENCE_MS);
  await until(
    "it serves again",
    async () => !gateway.pids().includes(dead) && (await isReady(gateway)),
    PATIENCE_MS,
  );
  await load.stop();
  expect(gateway.pids()).toContain(living);
  // Connections of the other worker lost nothing; each of the dead one's the request that it was working on.
  const lanes = load.faults.map((fault) =>
    Math.floor(Number(/\d+/.exec(fault)?.[0]) / LANE_SERIALS),
  );
  expect(lanes.length).toBeLessThan(load.lanes);
  expect(new Set(lanes).size).toBe(lanes.length);
  expect(load.faults.filter((fault) => !fault.includes("was lost"))).toEqual([]);
  expect(await gateway.metric("portcullis_worker_restarts_total")).toBe(1);
  expect(await gateway.metric("portcullis_workers", { state: "ready" })).toBe(2);
});

test("slots of a worker that was killed are free at once, and those of the others stay taken", async () => {
  const gateway = await startWorkers({
    workers: 2,
    config: { limits: { default: { concurrency: 6 } } },
  });
  const held: (() => void)[] = [];
  gateway.upstream.answer(async (request, response) => {
    await new Promise<void>((release) => held.push(release));
    await answerJson(PREDICTION)(request, response);
  });
  const ends: string[] = [];
  const begin = (): void =>
    void gateway.predict().then(
      ({ status }) => ends.push(String(status)),
      () => ends.push("lost"),
    );
  for (let i = 0; i < 6; i++) begin();
  await until("all slots are taken", () => held.length === 6, PATIENCE_MS);
  expect((await gateway.predict()).status).toBe(429);
  const [dead = 0] = gateway.pids();
  process.kill(dead, "SIGKILL");
  await until("its callers have lost their connections", () => ends.length > 0, PATIENCE_MS);
  await until(
    "it serves again",
    async () => !gateway.pids().includes(dead) && (await isReady(gateway)),
    PATIENCE_MS,
  );
  const lost = ends.length;
  expect(ends).toEqual(Array.from({ length: lost }, () => "lost"));
  for (let i = 0; i < lost; i++) begin();
  await until("its slots are taken anew", () => held.length === 6 + lost, PATIENCE_MS);
  expect((await gateway.predict()).status).toBe(429);
  for (const release of held) release();
  await until("all have ended", () => ends.length === 6 + lost, PATIENCE_MS);
  expect(ends.filter((end) => end === "200")).toHaveLength(6);
});

test("counters do not go back when a worker dies", async () => {
  const gateway = await startWorkers({ workers: 2 });
  const count = () => gateway.metric("portcullis_requests_total", { code: "ok" });
  for (let i = 0; i < 10; i++) await gateway.predict();
  await until("all are counted", async () => (await count()) === 10, PATIENCE_MS);
  for (const pid of gateway.pids()) {
    process.kill(pid, "SIGKILL");
    expect(await count()).toBe(10);
    await until(
      "it serves again",
      async () => !gateway.pids().includes(pid) && (await isReady(gateway)),
      PATIENCE_MS,
    );
    expect(await count()).toBe(10);
  }
  await gateway.predict();
  await until("the next one is counted", async () => (await count()) === 11, PATIENCE_MS);
});

test("a worker that stands still is not ready, and callers are served by the others", async () => {
  const gateway = await startWorkers({ workers: 2 });
  const [still = 0] = gateway.pids();
  process.kill(still, "SIGSTOP");
  try {
    // The next connection may be handed to it before it is known to stand still; no further one is.
    const lost = new Promise<void>((done) => {
      const { hostname, port } = new URL(gateway.origin);
      connect(Number(port), hostname, done);
    });
    await lost;
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => (await gateway.predict()).status),
    );
    expect(statuses).toEqual(Array.from({ length: 8 }, () => 200));
    const { status, text } = await gateway.operator("GET", "/readyz");
    expect(status).toBe(503);
    expect(text).toMatch(/worker \d: does not answer/);
  } finally {
    process.kill(still, "SIGCONT");
  }
  await until("it is ready again", () => isReady(gateway), PATIENCE_MS);
});

test("a primary that is killed takes its workers with it", async () => {
  const gateway = await startWorkers({ workers: 3 });
  const pids = gateway.pids();
  expect(pids).toHaveLength(3);
  gateway.process.signal("SIGKILL");
  await until("no worker is left", () => !pids.some(isRunning), PATIENCE_MS);
});

test("when no worker is left and none can be started, the primary ends with what they say", async () => {
  const gateway = await startWorkers({ workers: 2 });
  gateway.folder.write("portcullis.yaml", "version: 1\nwaff: {}\n");
  for (const pid of gateway.pids()) process.kill(pid, "SIGKILL");
  // Five starts of each that come to nothing, with pauses between them.
  await until("the primary has ended", () => gateway.process.child.exitCode !== null, 120_000);
  const { code, stderr } = await gateway.process.finished();
  expect(code).toBe(1);
  expect(stderr).toMatch(/waff/);
});
